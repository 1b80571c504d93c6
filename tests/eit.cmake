# Electrical impedance tomography.
spinet_test(test_eit_forward)
spinet_test(test_eit_mesh)
spinet_test(test_eit_image)

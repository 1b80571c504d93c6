# Electrical impedance tomography.
spinet_test(test_eit_forward)
spinet_test(test_eit_mesh)
spinet_test(test_eit_image)
spinet_test(test_eit_read)
spinet_test(test_eit_patient)
spinet_test(test_eit_app SINGLE)
add_test(NAME app_eit.bits COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/app_eit.sh $<TARGET_FILE:spinet>
                                   $<TARGET_FILE:compare_runs> ${launcher})
set_tests_properties(app_eit.bits PROPERTIES LABELS fast TIMEOUT 600 PROCESSORS 2 ENVIRONMENT "${spinet_env}")
spinet_test(test_eit_real ARGS ${CMAKE_COMMAND})
spinet_test(test_eit_real LABEL full ARGS ${CMAKE_COMMAND} full)

# App eit-image: on recordings made here, and on the real ones (skipped where they are absent).
add_executable(eit_image_files eit_image_files.c)
target_link_libraries(eit_image_files PRIVATE spinet_plain)
add_test(NAME app_eit_image COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/app_eit_image.sh synthetic $<TARGET_FILE:spinet>
                                    $<TARGET_FILE:compare_runs> $<TARGET_FILE:eit_image_files> ${launcher})
add_test(NAME app_eit_image.real COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/app_eit_image.sh real $<TARGET_FILE:spinet> ${CMAKE_COMMAND})
set_tests_properties(app_eit_image app_eit_image.real PROPERTIES LABELS fast TIMEOUT 900 PROCESSORS 2 SKIP_RETURN_CODE 77
                     ENVIRONMENT "${spinet_env};OMP_NUM_THREADS=1")
set_tests_properties(app_eit_image.real PROPERTIES LABELS full)

add_executable(fuzz_eit fuzz/fuzz_eit.c)
target_compile_definitions(fuzz_eit PRIVATE SPINET_FUZZ_STANDALONE)
target_link_libraries(fuzz_eit PRIVATE spinet_d)
add_test(NAME fuzz_eit.corpus COMMAND fuzz_eit)
set_tests_properties(fuzz_eit.corpus PROPERTIES LABELS fast TIMEOUT 120)

if(SPINET_FUZZ) # a minute of libFuzzer for every reader (clang is found in deck.cmake)
  file(GLOB eit_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/signals/eit_read*.c)
  list(APPEND eit_sources ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_eit.c ${CMAKE_SOURCE_DIR}/signals/eit_mesh.c
       ${CMAKE_SOURCE_DIR}/signals/eit_mesh_read.c ${CMAKE_SOURCE_DIR}/signals/eit_protocol.c ${CMAKE_SOURCE_DIR}/signals/mat.c
       ${CMAKE_SOURCE_DIR}/base/err.c ${CMAKE_SOURCE_DIR}/base/file.c)
  set(fuzzer ${CMAKE_CURRENT_BINARY_DIR}/fuzz_eit_libfuzzer)
  add_custom_command(OUTPUT ${fuzzer} DEPENDS ${eit_sources} VERBATIM
    COMMAND ${SPINET_CLANG} -std=gnu11 -g -O1 -D_GNU_SOURCE -I${CMAKE_SOURCE_DIR} -fsanitize=fuzzer,address,undefined
            -fno-sanitize-recover=undefined ${eit_sources} -lz -lm -o ${fuzzer})
  add_custom_target(fuzz_eit_with_clang ALL DEPENDS ${fuzzer} fuzz_eit)
  set(seeds ${CMAKE_CURRENT_BINARY_DIR}/fuzz_eit_seeds)
  file(MAKE_DIRECTORY ${seeds})
  add_custom_command(TARGET fuzz_eit_with_clang POST_BUILD COMMAND fuzz_eit write ${seeds})
  foreach(reader get draeger-get draeger-eit draeger-bin sheffield ktc rpi csv gmsh)
    file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/fuzz_eit_${reader}_found)
    add_test(NAME fuzz_eit.${reader} COMMAND ${fuzzer} -max_total_time=60 -max_len=20000 -timeout=10 -print_final_stats=1
             ${CMAKE_CURRENT_BINARY_DIR}/fuzz_eit_${reader}_found ${seeds})
    set_tests_properties(fuzz_eit.${reader} PROPERTIES LABELS full TIMEOUT 200 ENVIRONMENT SPINET_FUZZ_READER=${reader})
  endforeach()
endif()

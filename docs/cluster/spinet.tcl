-- Environment module (Lmod): copy to <modulefiles>/spinet/0.1.0.lua and set the prefix given to cmake --install.
local prefix = "/opt/spinet/0.1.0"
help([[Neural samplers, Markov chains and exact solutions of lattice models. spinet --help lists the commands.]])
whatis("Name: spinet")
whatis("Version: 0.1.0")
depends_on("openmpi", "hdf5", "gsl", "openblas", "fftw")
prepend_path("PATH", pathJoin(prefix, "bin"))
prepend_path("MANPATH", pathJoin(prefix, "share/man"))
prepend_path("PKG_CONFIG_PATH", pathJoin(prefix, "lib/pkgconfig"))
prepend_path("CMAKE_PREFIX_PATH", prefix)
setenv("SPINET_INPUTS", pathJoin(prefix, "share/spinet/inputs"))
-- Threads that wait must not take the cores of others; HDF5 locks fail on some network file systems.
setenv("OMP_WAIT_POLICY", "passive")
setenv("HDF5_USE_FILE_LOCKING", "FALSE")

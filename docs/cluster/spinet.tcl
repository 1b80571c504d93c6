#%Module1.0
## Environment module, for Environment Modules and for Lmod: copy it to <modulefiles>/spinet/0.1.0, set the prefix that
## was given to cmake --install, and name the modules that Spinet was built with, if any.
set prefix  /opt/spinet/0.1.0
set needs   {}     ;# for example {openmpi/4.1 hdf5/1.14 gsl openblas fftw}

proc ModulesHelp {} {
    puts stderr "Neural samplers, Markov chains and exact solutions of lattice models. spinet --help lists the commands."
}
module-whatis "Spinet 0.1.0: neural samplers, Markov chains and exact solutions of lattice models"
conflict spinet
foreach m $needs { module load $m }

prepend-path PATH              $prefix/bin
prepend-path MANPATH           $prefix/share/man
prepend-path PKG_CONFIG_PATH   $prefix/lib/pkgconfig
prepend-path CMAKE_PREFIX_PATH $prefix
setenv SPINET_INPUTS $prefix/share/spinet/inputs
## Threads that wait must not take the cores of others; HDF5 locks fail on some network file systems.
setenv OMP_WAIT_POLICY passive
setenv HDF5_USE_FILE_LOCKING FALSE

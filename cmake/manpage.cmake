# PROGRAM --help -> PAGE by HELP2MAN; without a page the build goes on.
set(ENV{OMPI_ALLOW_RUN_AS_ROOT} 1)
set(ENV{OMPI_ALLOW_RUN_AS_ROOT_CONFIRM} 1)
execute_process(COMMAND ${HELP2MAN} --no-info --name "neural samplers for lattice models" --output ${PAGE} ${PROGRAM}
                RESULT_VARIABLE bad ERROR_VARIABLE why)
if(bad)
  message(STATUS "no man page: ${why}")
  file(TOUCH ${PAGE})
endif()

# The readers of signals: the seeds of their fuzzers in every build, and (SPINET_FUZZ, needs clang) a minute of libFuzzer each.
# HDF5 is left out: its own library reads the bytes.
file(GLOB signals_seeds CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/signals/*)
add_executable(fuzz_signals fuzz/fuzz_signals.c)
target_compile_definitions(fuzz_signals PRIVATE SPINET_FUZZ_STANDALONE)
target_link_libraries(fuzz_signals PRIVATE spinet_d)
add_test(NAME fuzz_signals.corpus COMMAND fuzz_signals ${signals_seeds})
set_tests_properties(fuzz_signals.corpus PROPERTIES LABELS fast TIMEOUT 60)

if(SPINET_FUZZ)
  find_program(SPINET_CLANG NAMES clang clang-19 clang-16 clang-15 clang-14 REQUIRED)
  set(signals_sources "")
  foreach(reader csv edf file npy ptbxl reader_ recording wfdb)
    file(GLOB some CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/signals/${reader}*.c)
    list(APPEND signals_sources ${some})
  endforeach()
  file(GLOB some CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/base/h5*.c)
  list(APPEND signals_sources ${some})
  list(APPEND signals_sources ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_signals.c ${CMAKE_SOURCE_DIR}/base/err.c
       ${CMAKE_SOURCE_DIR}/base/file.c)
  set(signals_includes "")
  foreach(d ${HDF5_INCLUDE_DIRS} ${MPI_C_INCLUDE_DIRS} ${RANDOM123_INCLUDE} ${GSL_INCLUDE})
    list(APPEND signals_includes -isystem ${d})
  endforeach()
  foreach(kind wfdb edf csv npy ptbxl)
    set(fuzzer ${CMAKE_CURRENT_BINARY_DIR}/fuzz_signals_${kind})
    add_custom_command(OUTPUT ${fuzzer} DEPENDS ${signals_sources} VERBATIM
      COMMAND ${SPINET_CLANG} -std=gnu11 -g -O1 -D_GNU_SOURCE -DSPINET_FUZZ_KIND="${kind}" -I${CMAKE_SOURCE_DIR} ${signals_includes}
              -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined ${signals_sources} ${HDF5_LIBRARIES}
              ${MPI_C_LIBRARIES} ${GSL_LIBRARY} -lFLAC -lm -o ${fuzzer})
    add_custom_target(fuzz_signals_${kind}_with_clang ALL DEPENDS ${fuzzer})
    file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/fuzz_signals_${kind}_found)
    file(GLOB seeds CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/signals/*.${kind})
    add_test(NAME fuzz_signals_${kind}.full COMMAND ${fuzzer} -max_total_time=60 -max_len=4000 -timeout=10 -print_final_stats=1
             -seed_inputs=$<JOIN:${seeds},$<COMMA>> ${CMAKE_CURRENT_BINARY_DIR}/fuzz_signals_${kind}_found)
    set_tests_properties(fuzz_signals_${kind}.full PROPERTIES LABELS full TIMEOUT 200
                         ENVIRONMENT ASAN_OPTIONS=detect_leaks=0)
  endforeach()
endif()

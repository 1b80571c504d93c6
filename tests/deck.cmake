# The deck reader: unit tests, the seeds of the fuzzer in every build, and (SPINET_FUZZ, needs clang) two minutes of libFuzzer.
spinet_test(test_deck)
spinet_test(test_deck_faults)

file(GLOB deck_seeds CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/deck/*)
add_executable(fuzz_deck fuzz/fuzz_deck.c)
target_compile_definitions(fuzz_deck PRIVATE SPINET_FUZZ_STANDALONE)
target_link_libraries(fuzz_deck PRIVATE spinet_d)
add_test(NAME fuzz_deck.corpus COMMAND fuzz_deck ${deck_seeds})
set_tests_properties(fuzz_deck.corpus PROPERTIES LABELS fast TIMEOUT 60)

if(SPINET_FUZZ)
  find_program(SPINET_CLANG NAMES clang clang-19 clang-16 clang-15 clang-14 REQUIRED)
  set(deck_sources ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_deck.c ${CMAKE_SOURCE_DIR}/base/err.c)
  file(GLOB deck_reader CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/base/deck*.c)
  list(APPEND deck_sources ${deck_reader})
  set(fuzzer ${CMAKE_CURRENT_BINARY_DIR}/fuzz_deck_libfuzzer)
  add_custom_command(OUTPUT ${fuzzer} DEPENDS ${deck_sources} VERBATIM
    COMMAND ${SPINET_CLANG} -std=gnu11 -g -O1 -D_GNU_SOURCE -I${CMAKE_SOURCE_DIR} -fsanitize=fuzzer,address,undefined
            -fno-sanitize-recover=undefined ${deck_sources} -lyaml -lm -o ${fuzzer})
  add_custom_target(fuzz_deck_with_clang ALL DEPENDS ${fuzzer})
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/fuzz_deck_found)
  add_test(NAME fuzz_deck.full COMMAND ${fuzzer} -max_total_time=120 -max_len=4000 -timeout=10 -print_final_stats=1
           ${CMAKE_CURRENT_BINARY_DIR}/fuzz_deck_found ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/deck)
  set_tests_properties(fuzz_deck.full PROPERTIES LABELS full TIMEOUT 300)
endif()

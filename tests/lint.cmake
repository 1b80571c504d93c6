# scripts/lint: rooms, libraries, lengths; first on a tree that breaks every rule, so that it cannot pass silently.
add_test(NAME lint.self_test COMMAND ${CMAKE_SOURCE_DIR}/scripts/lint --self-test)
add_test(NAME lint COMMAND ${CMAKE_SOURCE_DIR}/scripts/lint)
set_tests_properties(lint lint.self_test PROPERTIES LABELS fast TIMEOUT 60)

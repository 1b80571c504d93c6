# Classifiers of time series.
add_test(NAME app_series.bits COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/app_series.sh $<TARGET_FILE:spinet>
                                      $<TARGET_FILE:compare_runs> ${launcher})
set_tests_properties(app_series.bits PROPERTIES LABELS fast TIMEOUT 300 PROCESSORS 2 ENVIRONMENT "${spinet_env}")
spinet_test(test_series TIMEOUT 120)
spinet_test(test_series_explain DOUBLE SINGLE TIMEOUT 60)
foreach(t test_series_explain test_series_explain_f)
  target_link_options(${t} PRIVATE -Wl,--wrap=run_tick)
endforeach()
add_test(NAME app_series_explain COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/app_series_explain.sh $<TARGET_FILE:spinet>
                                         $<TARGET_FILE:compare_runs> ${launcher})
set_tests_properties(app_series_explain PROPERTIES LABELS fast TIMEOUT 600 PROCESSORS 2 ENVIRONMENT "${spinet_env}")

# Relevance rules, the walk relevance and the room xai/.
spinet_test(test_relevance DOUBLE SINGLE TIMEOUT 60)
spinet_test(test_xai DOUBLE SINGLE TIMEOUT 60)
spinet_test(test_relevance_rnn DOUBLE SINGLE TIMEOUT 60)
spinet_test(test_patterns TIMEOUT 60)
foreach(t test_xai test_xai_f)
  target_link_options(${t} PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc)
endforeach()

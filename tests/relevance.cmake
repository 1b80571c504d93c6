# Relevance rules, the walk relevance and the room xai/.
spinet_test(test_relevance DOUBLE SINGLE TIMEOUT 60)
spinet_test(test_xai DOUBLE SINGLE TIMEOUT 60)
spinet_test(test_relevance_rnn DOUBLE SINGLE TIMEOUT 60)

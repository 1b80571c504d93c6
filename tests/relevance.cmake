# Relevance rules, the walk relevance and the room xai/.
spinet_test(test_relevance DOUBLE SINGLE TIMEOUT 60)

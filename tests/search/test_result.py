"""What is told of a result."""

from georetrieve.search import Query


def test_labels_of_hits_are_counted_the_most_frequent_first(index):
    result = index.search(Query.item("a/black.png"), 10)
    assert result.labels() == {"dark": 1, "mid": 1, "": 1, "light": 1, "o'brien": 1}
    assert next(iter(result.labels())) == result.hits[0].label  # of as many, the nearer first
    twice = index.search(Query.item("c/red.png"), 10).labels()
    assert next(iter(twice.items())) == ("dark", 2)

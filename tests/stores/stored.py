"""What an index store has of an item."""


def row(store, one):
    return store.take([one]).to_pylist()[0]


def vector_of(store, one, encoder=None):
    ids, vectors = store.vectors(encoder)
    return vectors[ids.index(one)]

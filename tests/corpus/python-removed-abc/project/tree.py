import collections


def is_map(thing):
    return isinstance(thing, collections.Mapping)


EMPTY = is_map({})

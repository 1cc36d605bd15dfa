"""Index entries of documents, and building and dropping whole indexes."""

from .errors import QueryError
from .layout import ID, INDEX, MISSING, TAGS, codes, path_of, values

TAGS_ID = 1  # the index of tags is always there


class Index:
    def __init__(self, name, number, several=False):
        self.name = name
        self.path = path_of(name)
        self.prefix = INDEX + bytes((number,))
        self.number = number
        self.several = several  # some document has more than one entry

    def entries(self, document, tags, tail):
        """The keys of the entries of a document whose key is `tail`, in a set."""
        found = values(document, self.path)
        if self.number == TAGS_ID:
            if tags:
                found = found + [list(tags)]
        elif not found:
            return {self.prefix + MISSING + tail}
        result = {self.prefix + code + tail for code in codes(found)}
        if len(result) > 1:
            self.several = True
        return result


class Indexes:
    """All indexes of a database. `fields` and `drop` are what the meta record keeps of them."""

    def __init__(self, meta):
        self.tags = Index("tags", TAGS_ID, True)
        self.drop = meta.get("drop", [])
        self.all = [self.tags]
        for name, (number, several) in meta.get("index", {}).items():
            self.all.append(Index(name, number, bool(several)))
        self.all.sort(key=lambda index: index.number)

    def names(self):
        return [index.name for index in self.all[1:]]

    def meta(self):
        return {index.name: [index.number, int(index.several)] for index in self.all[1:]}

    def by_path(self, path):
        for index in self.all:
            if index.path == path:
                return index
        return None

    def needs(self, raw):
        """Whether a record may have entries."""
        return len(self.all) > 1 or raw[:1] == b"[" or b'"tags"' in raw

    def entries(self, document, tags, tail):
        result = set()
        for index in self.all:
            result |= index.entries(document, tags, tail)
        return result

    def several(self):
        """How many indexes have documents with several entries."""
        return sum(index.several for index in self.all)

    def new(self, name):
        numbers = {index.number for index in self.all}
        numbers.update(self.drop)
        for number in range(TAGS_ID + 1, 255):
            if number not in numbers:
                return Index(name, number)
        raise QueryError("too many indexes")


def field_names(index):
    """The names that the parameter `index` gives, without those that need no index."""
    if isinstance(index, str):
        index = (index,)
    names = []
    for name in index:
        path = path_of(name)
        if path != ID and path != TAGS and name not in names:
            names.append(name)
    return names

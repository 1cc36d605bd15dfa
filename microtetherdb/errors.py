"""Exceptions of the document store. All are kinds of DatabaseError; messages name the key."""


class DatabaseError(Exception):
    """Something is wrong with the use of the database or with the database itself."""


class ClosedError(DatabaseError):
    """The database was used after close()."""


class InvalidKeyError(DatabaseError):
    """A key is not a string, or is longer than the btree module can store."""


class InvalidValueError(DatabaseError):
    """A document cannot be stored as JSON, or its time to live or tags make no sense."""


class ValueTooLargeError(InvalidValueError):
    """The JSON text of a document has more than 8192 bytes."""


class QueryError(DatabaseError):
    """A query, or what update() is to do, makes no sense."""


class LockTimeoutError(DatabaseError):
    """Another thread kept the database locked for longer than lock_timeout."""


class MemoryLimitError(DatabaseError):
    """There is no memory for the operation, or ram_percentage is used up."""


class StorageError(DatabaseError):
    """The file cannot be opened, read or written. `errno` is the number of the OSError."""

    def __init__(self, text, errno=None):
        super().__init__(text)
        self.errno = errno


class DamagedError(DatabaseError):
    """What is stored is no document of this database. `key` is its key."""

    def __init__(self, text, key=None):
        super().__init__(text)
        self.key = key

"""The catalogue of kinds: everything that a specification may name, each kind in a file of its own.

A family is a package (`layers`, `optimizers`, `regularizers`, ...) beside a module with its base class
(`layer`, `optimizer`, `regularizer`, ...). A kind carries its schema and all that the rest of the program
asks of it. Whatever needs a list of kinds takes it from the family's dictionary, which has every kind that
is found in the package's folder: a new kind is a new file. docs/extending.md has a recipe for each family.

Pure: no TensorFlow, no SQL, no HTTP.
"""

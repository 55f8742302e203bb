"""An app with one saga, for the tests beside this folder."""

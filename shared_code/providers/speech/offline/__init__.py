"""The offline pronunciation analyser: real work on the learner's recording, without any service.

Importing the package costs nothing: numpy and the weights are loaded at the first assessment.
"""

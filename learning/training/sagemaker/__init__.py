"""Trains at Amazon SageMaker: the same data set, its built-in object detection, and an endpoint for the evaluation."""

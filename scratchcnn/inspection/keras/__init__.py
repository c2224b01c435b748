"""Does the model agree with Keras? Outputs, gradients and training steps of the equivalent Keras model."""

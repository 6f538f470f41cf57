"""The HTTP service: one module a resource. Never imports TensorFlow."""

"""Network families, one a file; what trains in a way of its own has its Keras model beside."""

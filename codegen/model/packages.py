"""Where a layer's class comes from: the words of `LayerSpec.package` that mean something to us."""

KERAS = "keras.layers"
OPS = "keras.ops"
#: Functions for the `activation` of a layer, by Keras' names for them.
ACTIVATION = "activation"
#: Functions of TensorFlow that a functional model calls.
TENSORFLOW = "tensorflow"
#: Columns of a table, as DenseFeatures holds them.
FEATURE_COLUMN = "tf.feature_column"
#: Classes of nobody that Keras knows.
CUSTOM = "Custom"
#: Replacements of Lambda layers, by layer name.
LAMBDA = "Lambda"
#: Classes and functions whose Python source is given.
SOURCE = "source"
#: Class of a model whose only layer is the model itself, of a class whose source is given.
SUBCLASSED = "Subclassed"

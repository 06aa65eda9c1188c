"""The ops of `keras.ops`, in files by what they are about."""

"""The order of the constructors' parameters of Keras' layers: what an argument without a name is.

Formulas: `inspect.signature` of the classes of Keras 3.15; Keras 2 has them in the same order.
"""

from __future__ import annotations

#: Classes by the names of their first parameters.
_CLASSES = {
    "activation": "Activation",
    "l1 l2": "ActivityRegularization",
    "output_size data_format": (
        "AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D "
        "AdaptiveMaxPooling2D AdaptiveMaxPooling3D"
    ),
    "use_scale dropout": "AdditiveAttention",
    "rate noise_shape seed": "AlphaDropout Dropout",
    "use_scale score_mode dropout seed": "Attention",
    "value_range num_chains chain_depth factor alpha all_ops": "AugMix",
    "value_range": "AutoContrast",
    "pool_size strides padding data_format name": (
        "AveragePooling1D AveragePooling2D AveragePooling3D MaxPooling1D MaxPooling2D MaxPooling3D"
    ),
    "axis momentum epsilon center scale beta_initializer": "BatchNormalization",
    "layer merge_mode weights backward_layer": "Bidirectional",
    "num_tokens output_mode sparse": "CategoryEncoding",
    "height width data_format": "CenterCrop",
    "axis": "Concatenate Softmax UnitNormalization",
    "value_range clip_limit tile_grid_size data_format": "ContrastLimitedAdaptiveHistogramEqualization",
    "filters kernel_size strides padding data_format dilation_rate": (
        "Conv1D Conv2D Conv3D ConvLSTM1D ConvLSTM2D ConvLSTM3D SeparableConv1D SeparableConv2D"
    ),
    "filters kernel_size strides padding output_padding data_format": "Conv1DTranspose Conv2DTranspose",
    "filters kernel_size strides padding data_format output_padding": "Conv3DTranspose",
    "cropping": "Cropping1D",
    "cropping data_format": "Cropping2D Cropping3D",
    "factor seed data_format": "CutMix",
    "units activation use_bias kernel_initializer bias_initializer kernel_regularizer": "Dense",
    "kernel_size strides padding depth_multiplier data_format dilation_rate": (
        "DepthwiseConv1D DepthwiseConv2D"
    ),
    "bin_boundaries num_bins epsilon output_mode sparse dtype": "Discretization",
    "axes normalize": "Dot",
    "alpha": "ELU",
    "equation output_shape activation bias_axes kernel_initializer bias_initializer": "EinsumDense",
    "input_dim output_dim embeddings_initializer embeddings_regularizer embeddings_constraint mask_zero": (
        "Embedding"
    ),
    "value_range bins data_format": "Equalization",
    "data_format": "Flatten",
    "units activation recurrent_activation use_bias kernel_initializer recurrent_initializer": (
        "GRU GRUCell LSTM LSTMCell"
    ),
    "rate seed": "GaussianDropout",
    "stddev seed": "GaussianNoise",
    "data_format keepdims": (
        "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D "
        "GlobalMaxPooling2D GlobalMaxPooling3D"
    ),
    "groups axis epsilon center scale beta_initializer": "GroupNormalization",
    "head_dim num_query_heads num_key_value_heads dropout use_bias sliding_window": ("GroupQueryAttention"),
    "num_bins output_mode sparse name dtype": "HashedCrossing",
    "num_bins mask_value salt output_mode sparse": "Hashing",
    "max_tokens num_oov_indices mask_token oov_token vocabulary vocabulary_dtype": "IntegerLookup",
    "function output_shape mask arguments": "Lambda",
    "axis epsilon center scale beta_initializer gamma_initializer": "LayerNormalization",
    "negative_slope": "LeakyReLU",
    "mask_value": "Masking",
    "max_number fill_value": "MaxNumBoundingBoxes",
    "fft_length sequence_stride sequence_length window sampling_rate num_mel_bins": "MelSpectrogram",
    "alpha data_format seed": "MixUp",
    "num_heads key_dim value_dim dropout use_bias output_shape": "MultiHeadAttention",
    "axis mean variance invert": "Normalization",
    "alpha_initializer alpha_regularizer alpha_constraint shared_axes": "PReLU",
    "dims": "Permute",
    "layers name": "Pipeline",
    "axis epsilon": "RMSNormalization",
    "cell return_sequences return_state go_backwards stateful unroll": "RNN",
    "value_range num_ops factor interpolation seed data_format": "RandAugment",
    "factor value_range seed": "RandomBrightness RandomContrast",
    "factor value_range data_format seed": (
        "RandomColorDegeneration RandomHue RandomPosterization RandomSaturation RandomSharpness"
    ),
    "value_range brightness_factor contrast_factor saturation_factor hue_factor seed": ("RandomColorJitter"),
    "height width seed data_format name": "RandomCrop",
    "factor scale interpolation fill_mode fill_value value_range": "RandomElasticTransform",
    "factor scale fill_value value_range seed data_format": "RandomErasing",
    "mode seed data_format": "RandomFlip",
    "factor kernel_size sigma value_range data_format seed": "RandomGaussianBlur",
    "factor data_format seed": "RandomGrayscale",
    "factor value_range seed data_format": "RandomInvert",
    "factor scale interpolation fill_value seed data_format": "RandomPerspective",
    "factor fill_mode interpolation seed fill_value data_format": "RandomRotation",
    "x_factor y_factor interpolation fill_mode fill_value data_format": "RandomShear",
    "height_factor width_factor fill_mode interpolation seed fill_value": "RandomTranslation RandomZoom",
    "max_value negative_slope threshold": "ReLU",
    "n": "RepeatVector",
    "scale offset": "Rescaling",
    "target_shape": "Reshape",
    "height width interpolation crop_to_aspect_ratio pad_to_aspect_ratio fill_mode": "Resizing",
    "input_dim output_dim tie_weights embeddings_initializer embeddings_regularizer embeddings_constraint": (
        "ReversibleEmbedding"
    ),
    "mode frame_length frame_step fft_length window periodic": "STFTSpectrogram",
    "units activation use_bias kernel_initializer recurrent_initializer bias_initializer": (
        "SimpleRNN SimpleRNNCell"
    ),
    "addition_factor threshold_factor value_range seed": "Solarization",
    "rate seed name dtype": "SpatialDropout1D",
    "rate data_format seed name dtype": "SpatialDropout2D SpatialDropout3D",
    "layer power_iterations": "SpectralNormalization",
    "layer": "TimeDistributed",
    "size": "UpSampling1D",
    "size data_format interpolation": "UpSampling2D",
    "size data_format": "UpSampling3D",
    "padding data_format": "ZeroPadding1D ZeroPadding2D ZeroPadding3D",
}
#: Names of the first parameters, by class.
POSITIONAL: dict[str, tuple[str, ...]] = {
    name: tuple(parameters.split()) for parameters, names in _CLASSES.items() for name in names.split()
}

"""What the `get_config` of each layer of Keras always writes, in every version since Keras 2 that has it.

Beside the name, dtype and the like of all layers. `kernel*` stands for `kernel_initializer`,
`kernel_regularizer` and `kernel_constraint`.
"""

from __future__ import annotations

from codegen.config.dialects.classes import without_alias
from codegen.config.dialects.origin import KERAS2, KERAS3, TF_KERAS, Origin
from codegen.model.words import TRAINING_SUFFIXES

_ALWAYS = {
    "Activation": "activation",
    "ActivityRegularization": "l1 l2",
    "AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D": "data_format output_size",
    "AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D": "data_format output_size",
    "AlphaDropout Dropout GaussianDropout SpatialDropout1D SpatialDropout2D SpatialDropout3D": "rate",
    "AugMix": "all_ops alpha chain_depth factor interpolation num_chains seed value_range",
    "AutoContrast": "value_range",
    "AveragePooling1D MaxPooling1D": "padding pool_size strides",
    "AveragePooling2D AveragePooling3D MaxPooling2D MaxPooling3D": "data_format padding pool_size strides",
    "BatchNormalization": (
        "axis beta* center epsilon gamma* momentum moving_mean_initializer moving_variance_initializer scale"
    ),
    "Bidirectional": "merge_mode",
    "CategoryCrossing": "depth",
    "CategoryEncoding": "output_mode",
    "CenterCrop": "height width",
    "Concatenate Softmax UnitNormalization": "axis",
    "ContrastLimitedAdaptiveHistogramEqualization": "clip_limit data_format tile_grid_size value_range",
    "Conv1D": (
        "activation activity_regularizer bias* dilation_rate filters kernel* kernel_size padding strides "
        "use_bias"
    ),
    "Conv1DTranspose Conv2D Conv3D": (
        "activation activity_regularizer bias* data_format dilation_rate filters kernel* kernel_size padding "
        "strides use_bias"
    ),
    "Conv2DTranspose Conv3DTranspose LocallyConnected2D": (
        "activation activity_regularizer bias* data_format filters kernel* kernel_size padding strides "
        "use_bias"
    ),
    "ConvLSTM1D ConvLSTM3D": (
        "activation activity_regularizer bias* data_format dilation_rate dropout filters go_backwards "
        "kernel* kernel_size padding recurrent* recurrent_activation recurrent_dropout return_sequences "
        "return_state stateful strides unit_forget_bias unroll use_bias"
    ),
    "ConvLSTM2D": (
        "activation activity_regularizer bias* data_format dilation_rate dropout filters go_backwards "
        "kernel* kernel_size padding recurrent* recurrent_activation recurrent_dropout return_sequences "
        "stateful strides unit_forget_bias unroll use_bias"
    ),
    "ConvLSTM2DCell ConvLSTMCell": (
        "activation bias* data_format dilation_rate dropout filters kernel* kernel_size padding recurrent* "
        "recurrent_activation recurrent_dropout strides unit_forget_bias use_bias"
    ),
    "Cropping1D": "cropping",
    "Cropping2D Cropping3D": "cropping data_format",
    "CuDNNGRU": (
        "activity_regularizer bias* go_backwards kernel* recurrent* return_sequences return_state "
        "stateful units"
    ),
    "CuDNNLSTM": (
        "activity_regularizer bias* go_backwards kernel* recurrent* return_sequences return_state "
        "stateful unit_forget_bias units"
    ),
    "CustomScaleLayer Rescaling": "scale",
    "CutMix RandomContrast": "factor seed",
    "Dense": "activation bias* kernel* units use_bias",
    "DenseFeatures": "feature_columns",
    "DepthwiseConv1D DepthwiseConv2D": (
        "activation activity_regularizer bias* data_format depth_multiplier depthwise* dilation_rate "
        "kernel_size padding strides use_bias"
    ),
    "Dot": "axes normalize",
    "EinsumDense": "activation activity_regularizer bias* bias_axes equation kernel* output_shape",
    "Embedding": "activity_regularizer embeddings* input_dim mask_zero output_dim",
    "Equalization": "bins value_range",
    "GRU": (
        "activation activity_regularizer bias* dropout go_backwards kernel* recurrent* recurrent_activation "
        "recurrent_dropout return_sequences stateful units unroll use_bias"
    ),
    "GRUCell": (
        "activation bias* dropout kernel* recurrent* recurrent_activation recurrent_dropout units use_bias"
    ),
    "GaussianNoise": "stddev",
    "GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling2D GlobalMaxPooling3D": "data_format",
    "GroupNormalization": "axis beta* center epsilon gamma* groups scale",
    "GroupQueryAttention": (
        "activity_regularizer bias* dropout head_dim kernel* num_key_value_heads num_query_heads use_bias"
    ),
    "HashedCrossing": "num_bins output_mode sparse",
    "Hashing": "num_bins salt",
    "LSTM": (
        "activation activity_regularizer bias* dropout go_backwards kernel* recurrent* recurrent_activation "
        "recurrent_dropout return_sequences stateful unit_forget_bias units unroll use_bias"
    ),
    "LSTMCell": (
        "activation bias* dropout kernel* recurrent* recurrent_activation recurrent_dropout unit_forget_bias "
        "units use_bias"
    ),
    "LayerNormalization": "axis beta* center epsilon gamma* scale",
    "LayerScale": "init_values projection_dim",
    "LocallyConnected1D": (
        "activation activity_regularizer bias* filters kernel* kernel_size padding strides use_bias"
    ),
    "Masking": "mask_value",
    "MaxNumBoundingBoxes": "max_number",
    "MelSpectrogram": (
        "fft_length mag_exp max_freq min_freq min_power num_mel_bins power_to_db ref_power sampling_rate "
        "sequence_length sequence_stride top_db window"
    ),
    "MixUp": "alpha seed",
    "MultiHeadAttention": (
        "activity_regularizer attention_axes bias* dropout kernel* key_dim num_heads output_shape use_bias "
        "value_dim"
    ),
    "PReLU": "alpha* shared_axes",
    "Permute": "dims",
    "Pipeline": "layers",
    "RMSNormalization": "axis epsilon",
    "RNN": "cell go_backwards return_sequences return_state stateful unroll",
    "RandAugment": "factor interpolation num_ops seed value_range",
    "RandomBrightness RandomColorDegeneration RandomHue RandomInvert": "factor seed value_range",
    "RandomPosterization RandomSaturation RandomSharpness": "factor seed value_range",
    "RandomColorJitter": "brightness_factor contrast_factor hue_factor saturation_factor seed value_range",
    "RandomCrop": "height seed width",
    "RandomElasticTransform": "factor fill_mode fill_value interpolation scale seed value_range",
    "RandomErasing": "factor fill_value scale seed value_range",
    "RandomFlip": "mode",
    "RandomFourierFeatures": "kernel_initializer output_dim scale",
    "RandomGaussianBlur": "factor kernel_size seed sigma value_range",
    "RandomGrayscale": "factor",
    "RandomHeight RandomWidth": "factor interpolation seed",
    "RandomPerspective": "factor fill_value interpolation scale seed",
    "RandomRotation": "factor fill_mode interpolation seed",
    "RandomShear": "data_format fill_mode fill_value interpolation seed x_factor y_factor",
    "RandomTranslation RandomZoom": "fill_mode height_factor interpolation seed width_factor",
    "ReLU": "max_value",
    "RepeatVector": "n",
    "Reshape": "target_shape",
    "Resizing": "height interpolation width",
    "ReversibleEmbedding": (
        "activity_regularizer embeddings* input_dim logit_soft_cap mask_zero output_dim reverse_dtype "
        "tie_weights"
    ),
    "STFTSpectrogram": (
        "data_format expand_dims fft_length frame_length frame_step mode padding periodic scaling window"
    ),
    "SeparableConv1D": (
        "activation activity_regularizer bias* data_format depthwise* dilation_rate filters kernel_size "
        "padding pointwise* strides use_bias"
    ),
    "SeparableConv2D": (
        "activation activity_regularizer bias* data_format depthwise* filters kernel_size padding pointwise* "
        "strides use_bias"
    ),
    "SimpleRNN": (
        "activation activity_regularizer bias* dropout go_backwards kernel* recurrent* recurrent_dropout "
        "return_sequences stateful units unroll use_bias"
    ),
    "SimpleRNNCell": "activation bias* dropout kernel* recurrent* recurrent_dropout units use_bias",
    "Solarization": "addition_factor seed threshold_factor value_range",
    "SpectralNormalization": "power_iterations",
    "StackedRNNCells": "cells",
    "StochasticDepth": "drop_path_rate",
    "ThresholdedReLU": "theta",
    "UpSampling1D": "size",
    "UpSampling2D UpSampling3D": "data_format size",
    "ZeroPadding1D": "padding",
    "ZeroPadding2D ZeroPadding3D": "data_format padding",
}

#: What is written since some version only: by classes, and the first version of each dialect that writes it.
_LATER = (
    ("AdditiveAttention Attention", "dropout use_scale", {TF_KERAS: (2, 4), KERAS3: (3,)}),
    ("Discretization", "bin_boundaries output_mode", {TF_KERAS: (2, 8), KERAS3: (3,)}),
    ("ELU", "alpha", {KERAS2: (2,), TF_KERAS: (2,)}),
    ("Flatten", "data_format", {KERAS2: (2, 2), TF_KERAS: (2, 2, 4), KERAS3: (3,)}),
    (
        "GlobalAveragePooling1D GlobalMaxPooling1D",
        "data_format",
        {KERAS2: (2, 2, 3), TF_KERAS: (2, 2, 4), KERAS3: (3,)},
    ),
    (
        "IntegerLookup StringLookup TextVectorization",
        "max_tokens output_mode",
        {TF_KERAS: (2, 6), KERAS3: (3,)},
    ),
    ("LeakyReLU", "alpha", {KERAS2: (2,), TF_KERAS: (2,)}),
    ("LeakyReLU", "negative_slope", {KERAS3: (3,)}),
    ("Normalization", "axis", {TF_KERAS: (2, 5), KERAS3: (3,)}),
    ("ReLU", "negative_slope threshold", {KERAS2: (2, 2, 3), TF_KERAS: (2, 2, 4), KERAS3: (3,)}),
    ("Rescaling", "offset", {TF_KERAS: (2, 4), KERAS3: (3,)}),
)


def in_full(options: str) -> frozenset[str]:
    """The options of a row: `gamma*` are all three that say how a weight is trained."""
    return frozenset(
        f"{option[:-1]}{ending}" if option.endswith("*") else option
        for option in options.split()
        for ending in TRAINING_SUFFIXES
    )


_OPTIONS = {name: in_full(options) for names, options in _ALWAYS.items() for name in names.split()}


def always_saved(class_name: str, origin: Origin) -> frozenset[str]:
    """What a file of this origin must say of a layer of Keras; nothing is known of Keras 1."""
    if origin.generation == 1:
        return frozenset()
    name = without_alias(class_name)
    found = _OPTIONS.get(name, frozenset())
    for names, options, since in _LATER:
        first = since.get(origin.dialect)
        if (
            name in names.split()
            and first is not None
            and len(origin.version) > 1
            and origin.version >= first
        ):
            found |= in_full(options)
    return found

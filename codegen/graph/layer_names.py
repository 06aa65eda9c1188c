"""Which names of layers are Keras' own, made of the class and a count of the session: they say nothing."""

from __future__ import annotations

import re
from functools import cache

#: Classes of layers, as Keras spells them in names.
_LAYERS = frozenset("""
    activation activity_regularization adaptive_average_pooling1d adaptive_average_pooling2d
    adaptive_average_pooling3d adaptive_max_pooling1d adaptive_max_pooling2d adaptive_max_pooling3d add
    additive_attention alpha_dropout attention average average_pooling1d average_pooling2d
    average_pooling3d averagepooling1d averagepooling2d batch_normalization batchnormalization bidirectional
    category_encoding center_crop concatenate conv1d conv1d_transpose conv2d conv2d_transpose conv3d
    conv3d_transpose conv_lst_m2d conv_lstm1d conv_lstm2d conv_lstm3d convolution1d convolution2d
    convolution3d cropping1d cropping2d cropping3d cu_dnngru cu_dnnlstm dense depthwise_conv1d
    depthwise_conv2d discretization dot dropout einsum_dense elu embedding flatten gaussian_dropout
    gaussian_noise global_average_pooling1d global_average_pooling2d global_average_pooling3d
    global_max_pooling1d global_max_pooling2d global_max_pooling3d globalaveragepooling2d
    group_normalization group_query_attention gru hashed_crossing hashing highway identity input
    input_layer instance_normalization integer_lookup lambda layer_normalization leaky_re_lu leakyrelu
    locally_connected1d locally_connected2d lstm masking max_pooling1d max_pooling2d max_pooling3d
    maximum maxpooling1d maxpooling2d maxpooling3d merge minimum multi_head_attention multiply
    normalization p_re_lu permute prelu random_brightness random_contrast random_crop random_flip
    random_height random_rotation random_shear random_translation random_width random_zoom re_lu
    repeat_vector rescaling reshape resizing rms_normalization rnn separable_conv1d separable_conv2d
    simple_rnn softmax spatial_dropout1d spatial_dropout2d spatial_dropout3d spectral_normalization
    string_lookup subtract text_vectorization thresholded_re_lu time_distributed unit_normalization
    up_sampling1d up_sampling2d up_sampling3d upsampling2d weight_normalization zero_padding1d
    zero_padding2d zero_padding3d zeropadding2d
    """.split())  # noqa: SIM905 - a list of 150 strings would be 150 lines

#: Functions that are layers of their own in a model, as Keras spells them in names.
_FUNCTIONS = frozenset("""
    abs absolute all amax amin any arange argmax argmin argsort broadcast_to cast clip concat conv cumsum
    divide einsum equal erf exp expand_dims flip floor floor_divide gelu get_item greater greater_equal
    hard_sigmoid leaky_relu less less_equal linspace log log10 log1p log2 log_softmax logical_and logical_not
    logical_or logsumexp math matmul max mean min mod moveaxis negative norm normalize not_equal one_hot
    ones_like outer pad power prod reciprocal relu relu6 repeat roll round rsqrt sigmoid sign silu sin slice
    softplus sort split sqrt square squeeze stack std sum swapaxes take tan tanh tensordot tile top_k
    transpose tril triu true_divide var where zeros_like
    """.split())  # noqa: SIM905 - a list of 100 strings would be 100 lines

#: What they are called inside blocks.
_SHORT = frozenset("bn norm linear depthwise pointwise upsample".split())  # noqa: SIM905 - as above

#: Names of models that their authors did not name.
_MODELS = frozenset({"functional", "model", "sequential"})


@cache
def is_automatic(name: str) -> bool:
    """Whether a layer's name says only what it computes: `dense_12`, `tf.math.multiply_1`, `bn_2`."""
    return bool(base(name)) or name.startswith(("tf.", "tf_")) or re.sub(r"_\d+$", "", name) in _SHORT


def is_automatic_model(name: str) -> bool:
    """Whether a model's name is Keras' own: `functional_3`, `model`."""
    return re.sub(r"_\d+$", "", name) in _MODELS


def base(name: str) -> str:
    """The class in a name that Keras gave, `dense` of `dense_12`; "" for what an author called it."""
    found = re.sub(r"_\d+$", "", name)
    return found if found in _LAYERS | _FUNCTIONS else ""

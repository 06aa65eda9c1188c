"""The first version of each Keras that has a layer, as its files state it: read off the packages themselves.

tf.keras is listed by the version that it writes, not by TensorFlow's: until TensorFlow 2.2 mostly "2.2.4-tf".
Layers of `experimental.preprocessing` and of `keras.applications` count from when they were there.
"""

from __future__ import annotations

from collections.abc import Mapping

from codegen.config.dialects.classes import without_alias
from codegen.config.dialects.origin import KERAS1, KERAS2, KERAS3, TF_KERAS, Dialect

Version = tuple[int, ...]

#: In all versions of all Keras.
_SINCE_1 = (
    "Activation ActivityRegularization AveragePooling1D AveragePooling2D AveragePooling3D "
    "BatchNormalization Conv1D Conv2D Conv3D Dense Dropout ELU Embedding Flatten GRU GaussianDropout "
    "GaussianNoise LSTM Lambda LeakyReLU Masking MaxPooling1D MaxPooling2D MaxPooling3D PReLU Permute "
    "RepeatVector Reshape SimpleRNN ThresholdedReLU TimeDistributed UpSampling1D UpSampling2D UpSampling3D "
    "ZeroPadding1D ZeroPadding2D ZeroPadding3D"
)

#: In all versions but those of Keras 1.
_SINCE_2 = (
    "Add Average Bidirectional Concatenate Conv2DTranspose ConvLSTM2D Cropping1D Cropping2D Cropping3D Dot "
    "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D "
    "GlobalMaxPooling2D GlobalMaxPooling3D Maximum Multiply SeparableConv2D SpatialDropout1D "
    "SpatialDropout2D SpatialDropout3D"
)

_NEW: Mapping[Dialect, Mapping[Version, str]] = {
    KERAS1: {
        (1,): "Highway MaxoutDense Merge ParametricSoftplus SReLU TimeDistributedDense",
        (1, 0, 6): "AtrousConvolution2D LocallyConnected1D LocallyConnected2D SeparableConv2D",
        (
            1,
            0,
            8,
        ): "Bidirectional Conv2DTranspose Cropping1D Cropping2D Cropping3D SpatialDropout2D SpatialDropout3D",
        (1, 1, 0): (
            "AtrousConvolution1D GlobalAveragePooling1D GlobalAveragePooling2D GlobalMaxPooling1D "
            "GlobalMaxPooling2D"
        ),
        (1, 1, 2): "ConvLSTM2D GlobalAveragePooling3D GlobalMaxPooling3D SpatialDropout1D",
    },
    KERAS2: {
        (2,): "Highway LocallyConnected1D LocallyConnected2D MaxoutDense Merge",
        (2, 0, 6): "AlphaDropout Conv3DTranspose DepthwiseConv2D",
        (2, 0, 7): "Subtract",
        (2, 0, 9): "CuDNNGRU CuDNNLSTM GRUCell LSTMCell Minimum RNN SimpleRNNCell StackedRNNCells",
        (2, 1, 3): "SeparableConv1D Softmax",
        (2, 1, 5): "ConvLSTM2DCell",
        (2, 2, 0): "ReLU",
    },
    TF_KERAS: {
        (2,): "AlphaDropout Conv3DTranspose DepthwiseConv2D LocallyConnected1D LocallyConnected2D Subtract",
        (2, 1): (
            "ConvLSTM2DCell GRUCell LSTMCell Minimum RNN SeparableConv1D SimpleRNNCell Softmax "
            "StackedRNNCells"
        ),
        (2, 1, 6): "CuDNNGRU CuDNNLSTM ReLU",
        (2, 2, 4): (
            "AddLoss AddMetric AdditiveAttention Attention CategoricalEncoding CategoryCrossing CenterCrop "
            "DenseFeatures Discretization Hashing LayerNormalization Normalization RandomContrast RandomCrop "
            "RandomFlip RandomFourierFeatures RandomHeight RandomRotation RandomTranslation RandomWidth "
            "RandomZoom Rescaling Resizing TextVectorization"
        ),
        (2, 4): (
            "CategoryEncoding Conv1DTranspose EinsumDense IntegerLookup "
            "MultiHeadAttention SequenceFeatures StringLookup"
        ),
        (2, 6): "ConvLSTM1D ConvLSTM3D ConvLSTMCell",
        (2, 7): "DepthwiseConv1D",
        (2, 8): "HashedCrossing",
        (2, 9): "RandomBrightness UnitNormalization",
        (2, 10): "LayerScale StochasticDepth",
        (2, 11): "GroupNormalization",
        (2, 12): "CustomScaleLayer Identity",
        (2, 13): "SpectralNormalization",
    },
    KERAS3: {
        (3,): (
            "AdditiveAttention AlphaDropout Attention CategoryEncoding CenterCrop Conv1DTranspose "
            "Conv3DTranspose ConvLSTM1D ConvLSTM3D ConvLSTMCell CustomScaleLayer DepthwiseConv1D "
            "DepthwiseConv2D Discretization EinsumDense FeatureSpace GRUCell GroupNormalization "
            "GroupQueryAttention HashedCrossing Hashing Identity IntegerLookup LSTMCell LayerNormalization "
            "LayerScale Minimum MultiHeadAttention Normalization RNN RandomBrightness RandomContrast "
            "RandomCrop RandomFlip RandomHeight RandomRotation RandomTranslation RandomWidth RandomZoom "
            "ReLU Rescaling Resizing SeparableConv1D SimpleRNNCell Softmax SpectralNormalization "
            "StackedRNNCells StochasticDepth StringLookup Subtract TextVectorization UnitNormalization"
        ),
        (3, 1): "MelSpectrogram",
        (3, 4): "TFDConcat TFDIdentity",
        (3, 6): "AutoContrast Pipeline RandomShear Solarization",
        (3, 7): "MaxNumBoundingBoxes STFTSpectrogram",
        (3, 8): (
            "Equalization MixUp RandAugment RandomColorDegeneration RandomColorJitter RandomGrayscale "
            "RandomHue RandomPosterization RandomSaturation RandomSharpness"
        ),
        (
            3,
            9,
        ): "AugMix CutMix RMSNormalization RandomErasing RandomGaussianBlur RandomInvert RandomPerspective",
        (3, 10): "RandomElasticTransform",
        (3, 12): "ReversibleEmbedding",
        (3, 13): (
            "AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D "
            "AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D"
        ),
        (3, 14): "ContrastLimitedAdaptiveHistogramEqualization",
    },
}


def _first_versions(dialect: Dialect) -> Mapping[str, Version]:
    always = _SINCE_1 if dialect == KERAS1 else f"{_SINCE_1} {_SINCE_2}"
    versions = {name: version for version, names in _NEW[dialect].items() for name in names.split()}
    return dict.fromkeys(always.split(), ()) | versions


_FIRST = {dialect: _first_versions(dialect) for dialect in _NEW}


def first_version(class_name: str, dialect: Dialect) -> Version | None:
    """The first version of `dialect` that has a layer of this name; None if none has."""
    return _FIRST[dialect].get(without_alias(class_name))

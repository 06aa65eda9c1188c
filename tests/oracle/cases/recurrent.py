"""Recurrent layers, their cells, and layers around layers, with and without masks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.oracle.cases.case import Case, keras, layers


def _rnn(name: str, make: Callable[[], Any], *shapes: tuple[int | None, ...]) -> Case:
    return Case(name, make, list(shapes or [(5, 3)]))


def _masked(name: str, make: Callable[[], Any]) -> Case:
    """Short sequences of a half masked token: leading, trailing, scattered, all and no masks."""

    def build() -> Any:
        tokens = keras.Input((4,), dtype="int32")
        x = layers.Embedding(2, 3, mask_zero=True)(tokens)
        return keras.Model(tokens, make()(x))

    return Case(name, build, [(4,)], model=True, ints=2, batch=40)


def _masked_images(name: str, **options: Any) -> Case:
    """A ConvLSTM over short videos whose frames are masked as the sequences of `_masked`."""

    def build() -> Any:
        kept, video = keras.Input((4,), dtype="int32"), keras.Input((4, 5, 3, 2))
        mask = keras.ops.not_equal(kept, 0)
        return keras.Model([kept, video], layers.ConvLSTM2D(3, 2, **options)(video, mask=mask))

    return Case(name, build, [(4,), (4, 5, 3, 2)], model=True, ints=2, batch=40)


def _video_states() -> Any:
    video, still = keras.Input((4, 5, 3, 2)), keras.Input((5, 3, 2))
    states = [layers.Conv2D(4, 3, padding="same")(still) for _ in range(2)]
    layer = layers.ConvLSTM2D(4, 3, padding="same", return_state=True)
    return keras.Model([video, still], layer(video, initial_state=states))


def _stateful_video() -> Any:
    video = keras.Input((4, 5, 3, 2), batch_size=3)
    return keras.Model(video, layers.ConvLSTM2D(4, 2, stateful=True, return_sequences=True)(video))


def _with_states(name: str, make: Callable[[], Any], states: int, masked: bool = False) -> Case:
    """Initial states from other layers; all states returned."""

    def build() -> Any:
        tokens, vector = keras.Input((4,), dtype="int32"), keras.Input((3,))
        x = layers.Embedding(3, 3, mask_zero=masked)(tokens)
        initial = [layers.Dense(2)(vector) for _ in range(states)]
        return keras.Model([tokens, vector], make()(x, initial_state=initial))

    return Case(name, build, [(4,), (3,)], model=True, ints=3, batch=20)


def _encoder_decoder() -> Any:
    source, target = keras.Input((None, 3)), keras.Input((4, 2))
    _, h, c = layers.LSTM(5, return_state=True, name="encoder")(source)
    y = layers.LSTM(5, return_sequences=True, name="decoder")(target, initial_state=[h, c])
    return keras.Model([source, target], layers.Dense(2)(y))


def _stateful(make: Callable[[], Any]) -> Callable[[], Any]:
    def build() -> Any:
        x = keras.Input((5, 3), batch_size=3)
        return keras.Model(x, make()(x))

    return build


def _stack(**options: Any) -> Any:
    return layers.RNN([layers.LSTMCell(4), layers.GRUCell(2), layers.SimpleRNNCell(3)], **options)


def _cell(make: Callable[[], Any], states: int) -> Callable[[], Any]:
    def build() -> Any:
        x, state = keras.Input((3,)), [keras.Input((4,)) for _ in range(states)]
        output, _ = make()(x, state)
        return keras.Model([x, *state], output)

    return build


def _document_model() -> Any:
    """Words to sentences to a document: a mask of rank three, and a nested model at each step."""
    words = keras.Input((4,), dtype="int32")
    x = layers.Embedding(3, 4, mask_zero=True)(words)
    sentence = keras.Model(words, layers.Bidirectional(layers.GRU(3))(x))
    document = keras.Input((5, 4), dtype="int32")
    y = layers.TimeDistributed(sentence)(document)
    return keras.Model(document, layers.LSTM(3)(y))


def _image_sequence() -> Any:
    video = keras.Input((4, 7, 6, 3))
    x = layers.TimeDistributed(layers.Conv2D(5, 3, activation="relu"))(video)
    x = layers.TimeDistributed(layers.BatchNormalization())(x)
    x = layers.TimeDistributed(layers.MaxPooling2D(2))(x)
    x = layers.TimeDistributed(layers.Flatten())(x)
    return keras.Model(video, layers.LSTM(3)(x))


def _bidirectional(merge_mode: str | None) -> Any:
    return layers.Bidirectional(layers.LSTM(4), merge_mode=merge_mode)


def _two_directions() -> Any:
    return layers.Bidirectional(
        layers.LSTM(4, return_sequences=True),
        backward_layer=layers.GRU(3, return_sequences=True, go_backwards=True),
    )


CASES = [
    _rnn("lstm", lambda: layers.LSTM(4)),
    _rnn("lstm_open_length", lambda: layers.LSTM(4, return_sequences=True), (None, 3)),
    _rnn("lstm_states", lambda: layers.LSTM(4, return_sequences=True, return_state=True)),
    _rnn("lstm_backwards", lambda: layers.LSTM(4, go_backwards=True, return_sequences=True)),
    _rnn("lstm_unroll", lambda: layers.LSTM(4, unroll=True, use_bias=False)),
    _rnn("lstm_activations", lambda: layers.LSTM(4, activation="relu", recurrent_activation="hard_sigmoid")),
    _rnn("lstm_softmax", lambda: layers.LSTM(4, activation="softmax", recurrent_activation="linear")),
    _rnn("lstm_dropout", lambda: layers.LSTM(4, dropout=0.3)),
    _rnn("lstm_recurrent_dropout", lambda: layers.LSTM(4, dropout=0.3, recurrent_dropout=0.2)),
    _rnn("gru", lambda: layers.GRU(4, return_sequences=True, return_state=True)),
    _rnn("gru_reset_before", lambda: layers.GRU(4, reset_after=False)),
    _rnn("gru_no_bias", lambda: layers.GRU(4, use_bias=False)),
    _rnn("gru_relu", lambda: layers.GRU(4, activation="relu", return_sequences=True)),
    _rnn("simple_rnn", lambda: layers.SimpleRNN(4)),
    _rnn("simple_rnn_relu", lambda: layers.SimpleRNN(4, activation="relu", return_state=True)),
    _rnn("simple_rnn_linear", lambda: layers.SimpleRNN(4, activation=None, recurrent_dropout=0.2)),
    _rnn("rnn_lstm_cell", lambda: layers.RNN(layers.LSTMCell(4), return_state=True)),
    _rnn("rnn_stack", lambda: _stack(return_sequences=True, go_backwards=True)),
    Case("encoder_decoder", _encoder_decoder, [(None, 3), (4, 2)], model=True),
    Case("lstm_cell", _cell(lambda: layers.LSTMCell(4), 2), [(3,), (4,), (4,)], model=True),
    Case("gru_cell", _cell(lambda: layers.GRUCell(4), 1), [(3,), (4,)], model=True),
    Case("simple_rnn_cell", _cell(lambda: layers.SimpleRNNCell(4), 1), [(3,), (4,)], model=True),
    Case("lstm_stateful", _stateful(lambda: layers.LSTM(4, stateful=True)), [(5, 3)], model=True),
    Case("gru_stateful", _stateful(lambda: layers.GRU(4, stateful=True)), [(5, 3)], model=True),
    _masked("lstm_masked", lambda: layers.LSTM(4)),
    _masked("lstm_masked_sequence", lambda: layers.LSTM(4, return_sequences=True, return_state=True)),
    _masked("lstm_masked_backwards", lambda: layers.LSTM(4, return_sequences=True, go_backwards=True)),
    _masked("lstm_masked_zero", lambda: layers.LSTM(4, return_sequences=True, zero_output_for_mask=True)),
    _masked(
        "lstm_masked_zero_backwards",
        lambda: layers.LSTM(
            4, return_sequences=True, go_backwards=True, unroll=True, zero_output_for_mask=True
        ),
    ),
    _masked("lstm_masked_zero_last", lambda: layers.LSTM(4, zero_output_for_mask=True)),
    _masked("lstm_masked_relu", lambda: layers.LSTM(4, activation="relu", return_sequences=True)),
    _masked("gru_masked", lambda: layers.GRU(4)),
    _masked("gru_masked_reset_before", lambda: layers.GRU(4, reset_after=False, zero_output_for_mask=True)),
    _masked("simple_rnn_masked", lambda: layers.SimpleRNN(4, return_sequences=True)),
    _masked("rnn_stack_masked", lambda: _stack(return_state=True)),
    _masked("bidirectional_masked", lambda: layers.Bidirectional(layers.LSTM(4, return_sequences=True))),
    _masked("bidirectional_masked_last", lambda: layers.Bidirectional(layers.GRU(4, return_state=True))),
    _masked("bidirectional_masked_sum", lambda: layers.Bidirectional(layers.LSTM(4), merge_mode="sum")),
    _masked(
        "bidirectional_masked_relu",
        lambda: layers.Bidirectional(layers.LSTM(4, activation="relu", return_sequences=True)),
    ),
    _with_states("lstm_initial_state", lambda: layers.LSTM(2, return_sequences=True, return_state=True), 2),
    _with_states("lstm_initial_state_masked", lambda: layers.LSTM(2, return_state=True), 2, True),
    _with_states(
        "gru_initial_state_masked", lambda: layers.GRU(2, reset_after=False, return_state=True), 1, True
    ),
    _with_states(
        "bidirectional_initial_state_masked",
        lambda: layers.Bidirectional(layers.LSTM(2, return_state=True, return_sequences=True)),
        4,
        True,
    ),
    *(
        _rnn(f"bidirectional_{mode}", partial(_bidirectional, mode))
        for mode in ("concat", "sum", "ave", "mul", None)
    ),
    _rnn(
        "bidirectional_sequence_mul",
        lambda: layers.Bidirectional(layers.GRU(4, return_sequences=True), merge_mode="mul"),
    ),
    _rnn("bidirectional_two_layers", _two_directions),
    _rnn("bidirectional_rnn", lambda: layers.Bidirectional(layers.RNN(layers.GRUCell(3)))),
    _rnn("conv_lstm_1d", lambda: layers.ConvLSTM1D(4, 3, padding="same"), (4, 7, 3)),
    _rnn(
        "conv_lstm_2d",
        lambda: layers.ConvLSTM2D(4, (3, 2), strides=2, padding="same", return_sequences=True),
        (4, 7, 6, 3),
    ),
    _rnn(
        "conv_lstm_2d_states",
        lambda: layers.ConvLSTM2D(4, 2, activation="relu", dropout=0.2, return_state=True, go_backwards=True),
        (4, 7, 6, 3),
    ),
    _rnn("conv_lstm_3d", lambda: layers.ConvLSTM3D(2, 2, use_bias=False), (3, 4, 5, 3, 2)),
    _masked_images("conv_lstm_masked", return_sequences=True, return_state=True),
    _masked_images("conv_lstm_masked_backwards", return_sequences=True, go_backwards=True),
    _masked_images("conv_lstm_masked_zero", return_sequences=True, zero_output_for_mask=True),
    _masked_images("conv_lstm_masked_zero_last", zero_output_for_mask=True),
    _masked_images(
        "conv_lstm_masked_zero_unrolled",
        return_sequences=True,
        go_backwards=True,
        unroll=True,
        zero_output_for_mask=True,
    ),
    Case("conv_lstm_initial_state", _video_states, [(4, 5, 3, 2), (5, 3, 2)], model=True),
    Case("conv_lstm_stateful", _stateful_video, [(4, 5, 3, 2)], model=True),
    _rnn(
        "bidirectional_conv_lstm",
        lambda: layers.Bidirectional(layers.ConvLSTM1D(4, 3, return_sequences=True), merge_mode="sum"),
        (4, 7, 3),
    ),
    _rnn("time_distributed_dense", lambda: layers.TimeDistributed(layers.Dense(4)), (None, 3)),
    _rnn("time_distributed_lstm", lambda: layers.TimeDistributed(layers.LSTM(4)), (4, 5, 3)),
    Case("time_distributed_images", _image_sequence, [(4, 7, 6, 3)], model=True),
    Case("time_distributed_model", _document_model, [(5, 4)], model=True, ints=3, batch=6),
]

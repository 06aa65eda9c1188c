"""What expressions compute: the operations, and the one table from the text of a template to its meaning.

Nothing else looks at the text: passes and lookups ask `Node.op`, or one of the questions below.
"""

from __future__ import annotations

import ast
from enum import Enum, auto
from functools import cache

from codegen.graph import helpers
from codegen.graph.parsing import free_names, parse_template
from codegen.torch_api import ACTIVATIONS


class Op(Enum):
    """What one expression computes, as far as anybody asks."""

    OTHER = auto()

    # calls and choices
    CALL = auto()  #: of a module, on one value and nothing else
    CALL_WITH = auto()  #: of a module, on several values, states or masks
    ALIAS = auto()  #: the value itself, under another name
    NOTHING = auto()  #: no tensor: an optional argument that is not given
    SELECT = auto()  #: one of two values, by a flag
    LOOP = auto()  #: a `Loop`
    EFFECT = auto()  #: changes a state
    RANDOM = auto()  #: yields something else each time

    # layout and shape
    LAYOUT = auto()  #: axes stored in another order, for what reads them next
    RESHAPE = auto()
    EXPAND = auto()  #: new axes of size 1
    FLATTEN = auto()  #: of leading or trailing axes, as a layer
    SPLIT_TIME = auto()  #: (N * T, ...) -> (N, T, ...)
    ZERO_PAD = auto()  #: zeros around the spatial axes, which a convolution can do itself
    PAD = auto()
    CONCAT = auto()
    FLIP = auto()
    SQUEEZE = auto()  #: of a last axis of size 1
    TRANSPOSE = auto()  #: of the last two axes
    CAST = auto()

    # numbers of the host
    SIZE = auto()  #: of one axis
    FROM_SIZE = auto()  #: a number computed of a size
    NUMBER = auto()  #: that is known already
    NUMBERS = auto()  #: a tuple of numbers
    INTEGER = auto()  #: of a tensor's elements
    FLOAT = auto()

    # arithmetic of two operands
    ADD = auto()
    MUL = auto()
    DIV = auto()
    MATMUL = auto()
    MATMUL_TRANSPOSED = auto()  #: with the second one's last two axes exchanged

    # what networks are made of
    ACTIVATION = auto()  #: one of `ACTIVATIONS`, without options
    ANY_ACTIVATION = auto()  #: an activation function that is a parameter of the block
    ATTENTION = auto()
    ATTENTION_BIAS = auto()  #: the mask of an attention as what is added to its scores
    POOL = auto()
    INTERPOLATE = auto()
    MEAN = auto()
    ONE_HOT = auto()
    LAST_STATE = auto()  #: of a recurrent module's last layer
    STEPS = auto()  #: the unmasked steps of a sequence moved, picked or spread
    PACK = auto()  #: yields a packed sequence, which is no tensor


#: Calls of modules.
CALLS = frozenset({Op.CALL, Op.CALL_WITH})

#: What must not be left out, merged or moved: it changes something, or differs from time to time.
IMPURE = frozenset({Op.EFFECT, Op.RANDOM})

#: Activation functions, the same in all uses of a block or not.
ANY_ACTIVATIONS = frozenset({Op.ACTIVATION, Op.ANY_ACTIVATION})

#: The same elements in memory, in another shape.
VIEWS = frozenset({Op.RESHAPE, Op.EXPAND})

PADS = frozenset({Op.PAD, Op.ZERO_PAD})

#: Numbers of the host that are written where they are read, however often.
SIZES = frozenset({Op.SIZE, Op.FROM_SIZE})

COMMUTATIVE = frozenset({Op.ADD, Op.MUL})

ATTENDS = frozenset({Op.ATTENTION, Op.ATTENTION_BIAS})

#: The meaning of whole templates, and of functions and methods (`.mean`) called on plain operands.
MEANING = {
    "x": Op.ALIAS,
    "None": Op.NOTHING,
    "a if flag else b": Op.SELECT,
    "activation(x)": Op.ANY_ACTIVATION,
    "memory.keep(states)": Op.EFFECT,
    "torch.unflatten(y, 0, sizes)": Op.SPLIT_TIME,
    "x.reshape(*sizes)": Op.RESHAPE,
    "x.flatten(d)": Op.RESHAPE,
    "x.flatten(1)": Op.FLATTEN,
    "x.flatten(0, 1)": Op.FLATTEN,
    "x.unsqueeze(0)": Op.EXPAND,
    "x.unsqueeze(1)": Op.EXPAND,
    "x.unsqueeze(-1)": Op.EXPAND,
    "x.squeeze(-1)": Op.SQUEEZE,
    "x.mT": Op.TRANSPOSE,
    "x @ y.mT": Op.MATMUL_TRANSPOSED,
    "query @ key.mT": Op.MATMUL_TRANSPOSED,
    "x.unsqueeze(-1) == torch.arange(n, device=x.device)": Op.ONE_HOT,
    "F.pad": Op.PAD,
    "torch.cat": Op.CONCAT,
    ".flip": Op.FLIP,
    "x != 0": Op.CAST,
    ".float": Op.CAST,
    ".int": Op.CAST,
    ".long": Op.CAST,
    ".to": Op.CAST,
    "x.shape[d]": Op.SIZE,
    "x.shape[d] * n": Op.FROM_SIZE,
    "n // 2": Op.FROM_SIZE,
    "n": Op.NUMBER,
    "parts": Op.NUMBERS,
    ".numel": Op.INTEGER,
    "int": Op.INTEGER,
    "int(x[n])": Op.INTEGER,
    "float": Op.FLOAT,
    "math.sqrt": Op.FLOAT,
    "F.scaled_dot_product_attention": Op.ATTENTION,
    "attention_bias": Op.ATTENTION_BIAS,
    **{f"F.{kind}_pool{rank}d": Op.POOL for kind in ("max", "avg") for rank in (1, 2, 3)},
    **{f"F.adaptive_{kind}_pool{rank}d": Op.POOL for kind in ("max", "avg") for rank in (1, 2, 3)},
    "average_pool_padded": Op.POOL,
    "average_pool_same": Op.POOL,
    "F.interpolate": Op.INTERPOLATE,
    "F.upsample": Op.INTERPOLATE,
    ".mean": Op.MEAN,
    "state[-1]": Op.LAST_STATE,
    "state[0]": Op.LAST_STATE,  # our recurrent modules have one layer
    "compact_steps": Op.STEPS,
    "spread_steps": Op.STEPS,
    "last_step": Op.STEPS,
    "unpack": Op.STEPS,
    "pack_unmasked": Op.PACK,
    **{f"torch.{name}": Op.RANDOM for name in ("rand", "randn", "randint", "randperm", "normal")},
    **{f"torch.{name}": Op.RANDOM for name in ("rand_like", "randn_like", "randint_like")},
    **{f"torch.{name}": Op.RANDOM for name in ("bernoulli", "multinomial", "poisson")},
    **{f"F.{name}": Op.RANDOM for name in ("dropout", "dropout1d", "dropout2d", "dropout3d")},
    **{f"F.{name}": Op.RANDOM for name in ("alpha_dropout", "feature_alpha_dropout", "rrelu")},
    **{f"F.{name}": Op.RANDOM for name in ("gumbel_softmax", "fractional_max_pool2d")},
    ".bernoulli": Op.RANDOM,
    ".multinomial": Op.RANDOM,
}

#: Arithmetic of two operands, whatever they are called.
_ARITHMETIC: dict[type[ast.operator], Op] = {
    ast.Add: Op.ADD,
    ast.Mult: Op.MUL,
    ast.Div: Op.DIV,
    ast.MatMult: Op.MATMUL,
}

#: Other spellings of functions.
_SPELLINGS = {
    "torch.relu": "F.relu",
    "torch.selu": "F.selu",
    "F.sigmoid": "torch.sigmoid",
    "F.tanh": "torch.tanh",
}


@cache
def meaning(template: str) -> Op:
    """What a template computes as a whole; `OTHER` for what nobody asks about."""
    if template in MEANING:
        return MEANING[template]
    tree = parse_template(template)
    if isinstance(tree, ast.BinOp) and isinstance(tree.left, ast.Name) and isinstance(tree.right, ast.Name):
        return _ARITHMETIC.get(type(tree.op), Op.OTHER)
    called = function(template)
    arguments = _arguments(tree)
    if called in ACTIVATIONS and len(arguments) == 1 and isinstance(arguments[0], ast.Name):
        return Op.ACTIVATION
    return _function_meaning(called)


@cache
def operations(template: str) -> frozenset[Op]:
    """All that a template computes, in its parts too."""
    tree = parse_template(template)
    called = {_called(node) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return frozenset({meaning(template), *map(_function_meaning, called)})


@cache
def function(template: str) -> str:
    """The function that a template calls on a plain operand: `F.relu`, `.mean`; "" if it is no such call."""
    tree = parse_template(template)
    return _called(tree) if all(map(_is_plain, _arguments(tree)[:1])) else ""


def calls(template: str, name: str) -> bool:
    """Whether a template calls a function, `torch.tanh`, or the method of the same name, with no options."""
    is_it = function(template) in (name, f".{name.rpartition('.')[2]}")
    return is_it and len(_arguments(parse_template(template))) == 1


@cache
def called_operand(template: str) -> tuple[str, Op]:
    """The name that a template calls, and what it is if that name stands for a module."""
    tree = parse_template(template)
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
        return "", Op.OTHER
    alone = len(tree.args) == 1 and isinstance(tree.args[0], ast.Name) and not tree.keywords
    return tree.func.id, Op.CALL if alone else Op.CALL_WITH


@cache
def canonical(template: str) -> str:
    """The same text for templates that differ in spelling alone."""
    op, tree = meaning(template), parse_template(template)
    if op is Op.ACTIVATION:
        return f"{function(template)}({ast.unparse(_arguments(tree)[0])})"
    if op in COMMUTATIVE and isinstance(tree, ast.BinOp):
        left, right = sorted((tree.left, tree.right), key=ast.unparse)
        return ast.unparse(ast.BinOp(left, tree.op, right))
    return template


@cache
def is_pure(template: str) -> bool:
    """Whether a template yields the same again from the same operands, and changes nothing.

    A module's attributes (`self.training`) differ from time to time, and functions of the runtime are
    random if they call what is.
    """
    return "self" not in free_names(template) and not operations(template) & IMPURE


def _function_meaning(called: str) -> Op:
    if "." in called and called.endswith("_"):
        return Op.EFFECT  # as torch calls what changes its tensor
    found = MEANING.get(called, Op.OTHER)
    return Op.RANDOM if found is Op.OTHER and _is_random_helper(called) else found


@cache
def _is_random_helper(name: str) -> bool:
    """Whether a function of the runtime draws random numbers, itself or in what it calls."""
    helper = helpers.by_name().get(name) if name.isidentifier() else None
    if helper is None:
        return False
    called = {_called(node) for node in ast.walk(ast.parse(helper.source)) if isinstance(node, ast.Call)}
    return any(_function_meaning(other) is Op.RANDOM for other in called - {name, ""})


def _called(tree: ast.expr) -> str:
    """What a call calls, by its usual spelling: `F.relu`, `.mean` for a method; "" for anything else."""
    written = _written(tree)
    return _SPELLINGS.get(written, written)


def _written(tree: ast.expr) -> str:
    if not isinstance(tree, ast.Call):
        return ""
    if not isinstance(tree.func, ast.Attribute):
        return tree.func.id if isinstance(tree.func, ast.Name) else ""
    whole = ast.unparse(tree.func)
    return whole if whole.split(".")[0] in ("torch", "F", "math", "nn") else f".{tree.func.attr}"


def _is_plain(tree: ast.expr) -> bool:
    """Whether it is an operand, a literal, or a list of these: nothing that is computed."""
    if isinstance(tree, (ast.Tuple, ast.List)):
        return all(map(_is_plain, tree.elts))
    return isinstance(tree, (ast.Name, ast.Constant))


def _arguments(tree: ast.expr) -> list[ast.expr]:
    """The operands of a call, its method's tensor included; stars are looked through."""
    if not isinstance(tree, ast.Call):
        return []
    is_method = isinstance(tree.func, ast.Attribute) and _written(tree).startswith(".")
    tensors = [tree.func.value] if is_method and isinstance(tree.func, ast.Attribute) else []
    given = [*tensors, *tree.args, *(keyword.value for keyword in tree.keywords)]
    return [argument.value if isinstance(argument, ast.Starred) else argument for argument in given]

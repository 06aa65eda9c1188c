"""What instructions of CPython are in the normal form, where neither version nor name tables matter."""

from __future__ import annotations

from codegen.bytecode.routine import Instruction

#: What has no meaning for the result: notes to the interpreter.
NOTHING = frozenset(
    {"NOP", "RESUME", "CACHE", "PRECALL", "PUSH_NULL", "MAKE_CELL", "COPY_FREE_VARS", "TO_BOOL", "NOT_TAKEN"}
    | {"GEN_START", "END_FOR", "PRINT_NEWLINE", "WITH_CLEANUP_FINISH", "SETUP_ANNOTATIONS"}
)
OPERATORS = {
    "POWER": "**", "MULTIPLY": "*", "MATRIX_MULTIPLY": "@", "DIVIDE": "divide", "TRUE_DIVIDE": "/",
    "FLOOR_DIVIDE": "//", "MODULO": "%", "ADD": "+", "SUBTRACT": "-", "LSHIFT": "<<", "RSHIFT": ">>",
    "AND": "&", "XOR": "^", "OR": "|",
}  # fmt: skip
FIXED: dict[str, list[Instruction]] = {
    "POP_TOP": [Instruction("pop")],
    "POP_ITER": [Instruction("pop")],
    "PRINT_ITEM": [Instruction("pop")],
    "PRINT_EXPR": [Instruction("pop")],
    "DUP_TOP": [Instruction("copy", 1)],
    "DUP_TOP_TWO": [Instruction("copy", 2), Instruction("copy", 2)],
    "ROT_TWO": [Instruction("swap", 2)],
    "ROT_THREE": [Instruction("sink", 3)],
    "ROT_FOUR": [Instruction("sink", 4)],
    "UNARY_POSITIVE": [Instruction("unary", "+")],
    "UNARY_NEGATIVE": [Instruction("unary", "-")],
    "UNARY_NOT": [Instruction("unary", "not")],
    "UNARY_INVERT": [Instruction("unary", "~")],
    "BINARY_SUBSCR": [Instruction("item")],
    "BINARY_SLICE": [Instruction("slice_item")],
    "STORE_SUBSCR": [Instruction("store_item")],
    "SLICE+0": [Instruction("constant"), Instruction("constant"), Instruction("slice_item")],
    "SLICE+1": [Instruction("constant"), Instruction("slice_item")],
    "SLICE+2": [Instruction("constant"), Instruction("swap", 2), Instruction("slice_item")],
    "SLICE+3": [Instruction("slice_item")],
    "GET_ITER": [Instruction("iterate")],
    "RETURN_VALUE": [Instruction("return")],
    "RETURN_GENERATOR": [Instruction("constant")],
    "YIELD_VALUE": [Instruction("yield")],
    "LIST_TO_TUPLE": [Instruction("as_tuple")],
    "FORMAT_SIMPLE": [Instruction("format", "")],
    "LOAD_ASSERTION_ERROR": [Instruction("global", "AssertionError")],
    "BEFORE_WITH": [Instruction("with")],
    "POP_BLOCK": [Instruction("end_block")],
    "BREAK_LOOP": [Instruction("break")],
    "BEGIN_FINALLY": [Instruction("constant")],
    "END_FINALLY": [Instruction("pop")],
    "WITH_CLEANUP": [Instruction("swap", 2), Instruction("pop")],
    "WITH_CLEANUP_START": [Instruction("swap", 2), Instruction("pop")],
    "STORE_MAP": [Instruction("put")],
}
BY_COUNT = {
    "COPY": "copy", "SWAP": "swap", "ROT_N": "sink", "BUILD_LIST": "list", "BUILD_TUPLE": "tuple",
    "BUILD_SET": "set", "BUILD_SLICE": "slice", "BUILD_STRING": "text", "BUILD_CONST_KEY_MAP": "keyed",
    "LIST_APPEND": "append", "LIST_EXTEND": "extend", "SET_ADD": "add", "SET_UPDATE": "extend",
    "DICT_MERGE": "merge", "DICT_UPDATE": "merge", "UNPACK_SEQUENCE": "unpack", "RAISE_VARARGS": "raise",
}  # fmt: skip

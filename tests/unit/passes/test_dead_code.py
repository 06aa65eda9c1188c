"""What no output needs is not written."""

from __future__ import annotations

from codegen.passes.dead_code import remove_dead_code
from tests.support.graph_text import rewritten


def test_what_leads_nowhere_goes_with_all_that_leads_to_it() -> None:
    before = """
        class Net:
            self.norm = nn.BatchNorm1d(4)
            %0 = input  # (N, 4) float32 x
            %1 = self.norm(%0)  # (N, 4) float32 norm
            %2 = F.relu(%1)  # (N, 4) float32 relu
            %3 = %0 + {n: 1}  # (N, 4) float32 add
            return %3
    """
    after = """
        class Net:
            %0 = input  # (N, 4) float32 x
            %1 = %0 + {n: 1}  # (N, 4) float32 add
            return %1
    """
    assert rewritten(remove_dead_code, before) == after


def test_inputs_stay_in_the_signature() -> None:
    before = """
        class Net:
            %0 = input  # (N, 4) float32 x
            %1 = input  # (N, 4) float32 y
            %2 = F.relu(%1)  # (N, 4) float32 relu
            return %0
    """
    after = """
        class Net:
            %0 = input  # (N, 4) float32 x
            %1 = input  # (N, 4) float32 y
            return %0
    """
    assert rewritten(remove_dead_code, before) == after


def test_what_changes_a_state_stays_with_what_it_reads() -> None:
    text = """
        class Net:
            self.memory = StateMemory()
            %0 = input  # (N, 4) float32 x
            %1 = F.relu(%0)  # (N, 4) float32 relu
            {memory: self.memory}.keep({states: [%1]})  # @ rnn
            return %0
    """
    assert rewritten(remove_dead_code, text) == text


def test_one_of_several_results_keeps_the_node() -> None:
    text = """
        class Net:
            self.lstm = nn.LSTM(4, 4)
            %0 = input  # (N, T, 4) float32 x
            (%1, %2) = self.lstm(%0)  # (N, T, 4) float32 lstm; (N, 4) float32 lstm
            return %2
    """
    assert rewritten(remove_dead_code, text) == text


def test_classes_inside_are_cleaned_too() -> None:
    before = """
        class Inner:
            %0 = input  # (N, 4) float32 x
            %1 = torch.tanh(%0)  # (N, 4) float32 tanh
            %2 = F.relu(%0)  # (N, 4) float32 relu
            return %2

        class Net:
            self.inner = Inner()
            %0 = input  # (N, 4) float32 x
            %1 = self.inner(%0)  # (N, 4) float32 inner
            return %1
    """
    assert "tanh" not in rewritten(remove_dead_code, before)

"""One of two processes that train a generated model together; see `test_deployment`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel


def gradients(model: nn.Module, x: Tensor) -> list[Tensor]:
    """Of a loss that is a mean over the batch."""
    (model(x) ** 2).mean().backward()
    grads = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    return [grad.full_tensor() if isinstance(grad, DTensor) else grad for grad in grads]


def main(rank: int, port: int, source: Path) -> None:
    """Write both ways' gradients beside the source, from half of the batch in each process."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    namespace: dict[str, Any] = {"__name__": "generated", "__file__": str(source)}
    exec(compile(source.read_text(encoding="utf-8"), source, "exec"), namespace)
    half = torch.load(source.with_suffix(".input")).chunk(2)[rank]
    found = {
        "ddp": gradients(DistributedDataParallel(namespace["load_model"]()), half),
        "fsdp": gradients(fully_shard(namespace["load_model"](), mesh=init_device_mesh("cpu", (2,))), half),
    }
    if rank == 0:
        torch.save(found, source.with_suffix(".gradients"))
    distributed.barrier()
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))

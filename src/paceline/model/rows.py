"""Rows of a tensor by index, with a gradient that is the same whenever it is computed.

Legend: N rows, M rows that are taken, D size of a row.
"""

import torch
from torch import Tensor


def take_rows(x_ND: Tensor, index_M: Tensor) -> Tensor:
    """[M, D] the rows at these indices, which may repeat.

    The gradient of a row that is taken several times is a sum, and the order of its terms decides
    how it rounds. For `x[index]` in fp32 on the CPU, threads add in whatever order they come;
    `index_select` adds in the order of the indices. On a GPU it is the other way round, and in
    bf16 on the CPU one thread adds.
    """
    if x_ND.device.type == "cpu" and x_ND.dtype == torch.float32:
        return x_ND.index_select(0, index_M)
    return x_ND[index_M]

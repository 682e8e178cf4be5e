"""The order in which PyTorch fills memory that is not contiguous."""


def in_memory_order(array):
    """A view of `array` whose C order walks its memory from low to high addresses.

    PyTorch gives successive random numbers to successive addresses, whatever the order of the axes, so
    `in_memory_order(x)[...] = uniform(gen, in_memory_order(x).shape)` fills x as `x.uniform_()` does.
    """
    axes = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
    return array.transpose(axes)

"""LLVM code for the machine this process runs on; nothing here is imported until a kernel is asked for."""

"""LLVM IR emitters for loops that need explicit vector registers."""

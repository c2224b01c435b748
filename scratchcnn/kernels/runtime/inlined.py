"""Compilation of functions that only other kernels call.

Numba optimizes every function that it compiles, with all the functions that it calls, and generates its machine code. A
function that only kernels call needs neither: LLVM copies it into each kernel, and optimizes it there. So it is
compiled as far as to LLVM's language and no further, which halves LLVM's part of the first run.
"""

from __future__ import annotations

from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering


class _Library(JITCodeLibrary):
    """A function, with all the functions that it calls, in LLVM's language."""

    def finalize(self) -> None:
        """Add the functions that are called."""
        for library in dict.fromkeys(self._linking_libraries):
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Return 0: there is no machine code."""
        return 0

    @property
    def codegen(self) -> Any:
        """The object that would be told the addresses of Python objects that machine code refers to."""
        return self

    def set_env(self, name: str, environment: Any) -> None:
        """Do nothing: there is no machine code."""


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(NativeLowering):
    _name = "lowering_of_inlined_function"

    def run_pass(self, state: Any) -> bool:
        """Translate a typed function to LLVM's language."""
        state.library = _Library(state.targetctx.codegen(), state.func_id.func_qualname)
        return bool(super().run_pass(state))


class Compiler(CompilerBase):
    """Numba's compiler, except for the last pass."""

    def define_pipelines(self) -> list[Any]:
        """Return the passes."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [(_Lowering if one is NativeLowering else one, text) for one, text in passes.passes]
        passes.finalize()
        return [passes]


class CompilerOfLoops(Compiler):
    """The compiler of functions that write to arrays which overlap no other argument, so that loops are vectorized."""

    def define_pipelines(self) -> list[Any]:
        """Return the passes."""
        self.state.flags.noalias = True
        return super().define_pipelines()

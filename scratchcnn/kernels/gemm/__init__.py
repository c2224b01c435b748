"""Matrix product: packing, cache blocking and the register-blocked micro-kernel."""

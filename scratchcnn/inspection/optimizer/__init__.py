"""How does training proceed? One weight step by step, gradient flow, dead units, optimizers compared."""

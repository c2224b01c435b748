"""What in the image, or in the network, decides the answer? Occlusion, gradients, Grad-CAM, ablation, shifts."""

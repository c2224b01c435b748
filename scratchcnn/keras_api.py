"""Names of Keras 3 that this package does not have, by module, and what to use instead: for messages only.

A name that this package gets later may remain in the lists: they are read only for a name that was not found.
"""

ONLY_IN_KERAS = {
    "": """
        applications backend config constraints device distillation distribution dtype_policies DTypePolicy export
        FloatDTypePolicy Function Initializer InputSpec KerasTensor Layer Loss Metric mixed_precision Model name_scope
        Operation ops Optimizer Quantizer quantizers random Regularizer remat RematScope saving StatelessScope
        SymbolicScope tree Variable visualization wrappers
    """,
    "activations": """
        celu exponential glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh log_sigmoid log_softmax mish relu6
        selu soft_shrink softsign sparse_plus sparse_sigmoid sparsemax squareplus swish tanh_shrink threshold
    """,
    "callbacks": """
        BackupAndRestore CallbackList History OrbaxCheckpoint ProgbarLogger RemoteMonitor SwapEMAWeights TensorBoard
    """,
    "datasets": """
        boston_housing california_housing cifar100 imdb reuters
    """,
    "initializers": """
        IdentityInitializer OrthogonalInitializer STFT STFTInitializer
    """,
    "layers": """
        ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
        AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention AlphaDropout Attention
        AugMix AutoContrast Average AveragePooling1D AveragePooling3D AvgPool1D AvgPool3D Bidirectional CategoryEncoding
        CenterCrop Concatenate ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2DTranspose
        Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Convolution1D Convolution1DTranspose
        Convolution2DTranspose Convolution3D Convolution3DTranspose Cropping1D Cropping2D Cropping3D CutMix
        DepthwiseConv1D DepthwiseConv2D Discretization Dot EinsumDense ELU Embedding Equalization FlaxLayer
        GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool3D
        GlobalMaxPool1D GlobalMaxPool3D GlobalMaxPooling1D GlobalMaxPooling3D GroupNormalization GroupQueryAttention GRU
        GRUCell HashedCrossing Hashing Identity InputLayer InputSpec IntegerLookup JaxLayer Lambda LayerNormalization
        LSTM LSTMCell Masking Maximum MaxNumBoundingBoxes MaxPool1D MaxPool3D MaxPooling1D MaxPooling3D MelSpectrogram
        Minimum MixUp MultiHeadAttention Multiply Normalization Permute Pipeline PReLU RandAugment RandomBrightness
        RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop RandomElasticTransform RandomErasing
        RandomFlip RandomGaussianBlur RandomGrayscale RandomHue RandomInvert RandomPerspective RandomPosterization
        RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation RandomZoom RepeatVector Resizing
        ReversibleEmbedding RMSNormalization RNN SeparableConv1D SeparableConv2D SeparableConvolution1D
        SeparableConvolution2D SimpleRNN SimpleRNNCell Solarization SpatialDropout1D SpatialDropout2D SpatialDropout3D
        SpectralNormalization StackedRNNCells STFTSpectrogram StringLookup Subtract TextVectorization TFSMLayer
        TimeDistributed TorchModuleWrapper UnitNormalization UpSampling1D UpSampling2D UpSampling3D Wrapper
        ZeroPadding1D ZeroPadding3D
    """,
    "losses": """
        BinaryFocalCrossentropy CategoricalFocalCrossentropy CategoricalGeneralizedCrossEntropy CategoricalHinge Circle
        CosineSimilarity CTC Dice Hinge Huber KLDivergence LogCosh MeanAbsoluteError MeanAbsolutePercentageError
        MeanSquaredLogarithmicError Poisson SquaredHinge Tversky
    """,
    "metrics": """
        AUC BinaryCrossentropy BinaryIoU CategoricalCrossentropy CategoricalHinge ConcordanceCorrelation
        CosineSimilarity F1Score FalseNegatives FalsePositives FBetaScore Hinge IoU KLDivergence LogCoshError Mean
        MeanAbsolutePercentageError MeanIoU MeanMetricWrapper MeanSquaredLogarithmicError OneHotIoU OneHotMeanIoU
        PearsonCorrelation Poisson Precision PrecisionAtRecall R2Score Recall RecallAtPrecision RootMeanSquaredError
        SensitivityAtSpecificity SparseCategoricalCrossentropy SparseTopKCategoricalAccuracy SpecificityAtSensitivity
        SquaredHinge Sum TopKCategoricalAccuracy TrueNegatives TruePositives
    """,
    "models": """
        Model save_model
    """,
    "optimizers": """
        Adafactor Adamax Ftrl Lamb Lion LossScaleOptimizer MultiOptimizer Muon Nadam OptimizerMap ScheduleFreeAdamW
    """,
    "preprocessing": """
        image image_dataset_from_directory sequence text_dataset_from_directory timeseries_dataset_from_array
    """,
    "utils": """
        array_to_img audio_dataset_from_directory bounding_boxes clear_session Config custom_object_scope
        CustomObjectScope deserialize_keras_object disable_interactive_logging enable_interactive_logging FeatureSpace
        get_custom_objects get_file get_registered_name get_registered_object get_source_inputs
        image_dataset_from_directory img_to_array is_interactive_logging_enabled is_keras_tensor load_img model_to_dot
        normalize pack_x_y_sample_weight pad_sequences Progbar PyDataset register_keras_serializable save_img Sequence
        serialize_keras_object set_random_seed split_dataset standardize_dtype text_dataset_from_directory
        timeseries_dataset_from_array unpack_x_y_sample_weight
    """,
}
"""For each module below `keras`, its public names."""

INSTEAD = {
    "ELU": "use Activation('elu')", "ImageDataGenerator": "use scratchcnn.preprocessing.Augmenter",
    "Functional": "use Sequential, a row of layers", "InputLayer": "use Input", "Lambda": "write a subclass of Layer",
    "Model": "use Sequential, a row of layers", "PyDataset": "use an object with __len__ and __getitem__",
    "Sequence": "use an object with __len__ and __getitem__", "TensorBoard": "use CSVLogger",
    "img_to_array": "use numpy.asarray(image)", "image": "use scratchcnn.preprocessing",
    "np_utils": "use to_categorical", "save_model": "use model.save(path)",
    "set_random_seed": "use Sequential(seed=0)", "swish": "use silu",
}  # fmt: skip
"""What to use instead of a name of Keras."""

"""Batch normalization, global pooling and AdamW on color images; learning curves."""

import matplotlib.pyplot as plt
from keras import datasets, layers, models, optimizers

(train_images, train_labels), (test_images, test_labels) = datasets.cifar10.load_data()
train_images, test_images = train_images / 255.0, test_images / 255.0

model = models.Sequential()
model.add(layers.Input((32, 32, 3)))
for filters in (8, 16):
    model.add(layers.Conv2D(filters, (3, 3), padding="same", use_bias=False, kernel_initializer="he_normal"))
    model.add(layers.BatchNormalization(momentum=0.9))
    model.add(layers.ReLU())
    model.add(layers.MaxPooling2D((2, 2)))
model.add(layers.Conv2D(32, (3, 3), activation="relu"))
model.add(layers.GlobalAveragePooling2D())
model.add(layers.Dense(10, activation="softmax"))
model.summary()

model.compile(
    optimizer=optimizers.AdamW(learning_rate=0.005, weight_decay=1e-4),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
history = model.fit(train_images, train_labels, epochs=8, validation_data=(test_images, test_labels))

plt.plot(history.history["accuracy"], label="accuracy")
plt.plot(history.history["val_accuracy"], label="val_accuracy")
plt.xlabel("Epoch")
plt.legend(loc="lower right")
plt.close()
test_loss, accuracy = model.evaluate(test_images, test_labels, verbose=2)

"""The seconds of each epoch, for the examples' tables."""

import time

import keras


class EpochTimes(keras.callbacks.Callback):
    """The seconds of each epoch's training, without its validation."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.begun = time.perf_counter()
        self.trained = None

    def on_test_begin(self, logs=None):
        self.trained = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append((self.trained or time.perf_counter()) - self.begun)

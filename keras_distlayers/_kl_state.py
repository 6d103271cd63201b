"""The names of the weights in which a layer with a KL term remembers it.

`layers` makes them, `callbacks` finds them, `interop` leaves them out.
"""

KL_MEAN = "kl_mean"
KL_EXAMPLES = "kl_examples"
KL_STEP = "kl_step"
KL_WEIGHT = "kl_weight"
KL_SCHEDULED_WEIGHT = "kl_scheduled_weight"
ALL = (KL_MEAN, KL_EXAMPLES, KL_STEP, KL_WEIGHT, KL_SCHEDULED_WEIGHT)

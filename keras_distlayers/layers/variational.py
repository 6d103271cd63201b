"""A distribution over the weights of any Keras layer."""

from collections.abc import Callable
from typing import Any, Self

import keras
from keras import ops

from keras_distlayers._core.errors import message
from keras_distlayers._core.kl_weight import checked_weight
from keras_distlayers._core.typing import Tensor
from keras_distlayers.distributions import Distribution, as_distribution
from keras_distlayers.layers._arguments import SavedArguments
from keras_distlayers.layers._uncertain_weights import UncertainWeights, is_kernel
from keras_distlayers.layers._variational_arguments import (
    OWN_ARGUMENTS,
    as_symbol,
    call_signature,
    checked_choice,
    checked_layer,
    posterior_layer,
)
from keras_distlayers.layers._weight_estimators import LINEAR_ESTIMATORS, check_estimator
from keras_distlayers.layers._weight_priors import (
    NormalAroundWeights,
    checked_prior,
    made_for,
    prior_maker,
)
from keras_distlayers.layers.kl_tracker import KLTracker, checked_dataset_size
from keras_distlayers.layers.weight_posteriors import WeightPosterior
from keras_distlayers.random_variable import RandomVariable
from keras_distlayers.regularizers import KLDivergenceRegularizer


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class Variational(SavedArguments, keras.layers.Layer):
    """Any Keras layer with a distribution over its weights, learned by variational inference.

    Each call draws weights from the posterior and applies the layer with them. The loss gets
    `weight * KL(posterior || prior) / dataset_size`, in nats per example, so that together with
    `losses.NegativeLogLikelihood` it is the negative ELBO per example. `callbacks.KLMonitor`
    shows the KL per example.

    The wrapped layer's own weights are the means of the posterior: wrap a trained layer to start
    from its weights, and read them from `layer` after training. With a posterior of your own
    (a layer or a function) they have no part, and are not trained.

    A layer that is called several times in one step draws anew for each call, and its KL counts
    once.

    Args:
        layer: A Keras layer: Dense, Conv2D, LSTM, Embedding, MultiHeadAttention, your own.
        dataset_size: The number of training examples. It has no default, because a wrong one
            makes the KL count too much or too little by that factor.
        estimator: How outputs are drawn. `"reparameterization"` draws the weights once for all
            rows and works for every layer; for a recurrent one the draw is the same at every
            step of a sequence. `"flipout"` gives each row its own weights, uncorrelated with
            those of the others, for two products in place of one; `"local_reparameterization"`
            draws the outputs, independent of each other. Both have less noise in the gradient,
            and are for dense layers and convolutions without another nonlinearity than the
            activation. In `"local_reparameterization"` the outputs at different places of a
            convolution, or steps of a sequence, are independent too, though they share weights.
        posterior: `"mean_field_normal"`, `"full_covariance_normal"`, `"low_rank_normal"`; a
            `MeanFieldNormalPosterior` and the like, for other settings; a layer or a model that
            makes a distribution over the vector of all uncertain weights whatever its input,
            such as `VariableLayer` followed by a head; or a function of the number of weights
            that returns such a layer, registered with Keras.
        prior: `"standard_normal"`; `"learned_scale_normal"`, whose standard deviation is trained
            (empirical Bayes); a `Distribution` over numbers, for each weight alone, or over the
            vector of weights; a layer that makes one, which is trained; or a function of the
            number of weights that returns one of these, registered with Keras.
        weights: `"kernel"` for a distribution over kernels and embeddings and fixed biases, as
            in `tfp.layers`, or `"all"` for all trainable weights.
        weight: The factor of the KL: a number, which `callbacks.KLWeightScheduler` may change, or
            a function of the training step, such as `schedules.LinearWarmup`.
        use_exact_kl: True for the closed form, False for an estimate from one draw, None for the
            closed form where there is one.
        seed: An int for the same sequence of draws each time the layer is made.
        **kwargs: `name` and the like, of `keras.layers.Layer`.

    Call arguments:
        *args, **kwargs: Those of the wrapped layer.
        deterministic: True for the posterior's mean in place of a draw.
        training: Whether the KL weight's schedule moves on.

    Input shape: that of the wrapped layer.

    Output shape: that of the wrapped layer.

    Attributes:
        layer: The wrapped layer.
        kl_tracker: The `KLTracker` of the KL.
        uncertain_variables: The variables of `layer` that the posterior is over.

    Raises:
        TypeError: if `layer` is not a Keras layer, or a posterior or a prior makes no
            distribution.
        ValueError: if an argument is not one of the names above, or the estimator would be wrong
            for the layer or the posterior; when it is built, if no weight is uncertain, or a
            distribution is over another number of weights.

    Examples:
        >>> import keras, numpy as np
        >>> import keras_distlayers as kdl
        >>> x, y = np.ones((100, 3)), np.ones((100, 1))
        >>> model = keras.Sequential([
        ...     keras.Input((3,)),
        ...     kdl.layers.Variational(keras.layers.Dense(8, "relu"), 100, "flipout"),
        ...     kdl.layers.Variational(keras.layers.Dense(2), 100, weights="all"),
        ...     kdl.layers.IndependentNormal(1),
        ... ])
        >>> model.compile("adam", kdl.losses.NegativeLogLikelihood())
        >>> history = model.fit(x, y, verbose=0)
        >>> [layer.weight_distribution().event_shape for layer in model.layers[:2]]
        [(24,), (18,)]

    Source: Blundell et al., Weight Uncertainty in Neural Networks (2015), equation 1; the
    estimators: Kingma, Salimans and Welling (2015), and Wen et al., Flipout (2018).
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        dataset_size: float,
        estimator: str = "reparameterization",
        posterior: Any = "mean_field_normal",
        prior: Any = "standard_normal",
        weights: str = "kernel",
        weight: float | Callable[[Tensor], Tensor] = 1.0,
        use_exact_kl: bool | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        # Before Keras's constructor, which reads the signature of `call`.
        self._signature = call_signature(checked_layer(layer, "Variational, argument `layer`"))
        # Neither a scope of the policy nor one around may round the means to half precision: the
        # wrapped layer casts what it computes with.
        super().__init__(autocast=False, dtype=layer.variable_dtype, **kwargs)
        self.supports_masking = layer.supports_masking
        self.layer = layer
        self.dataset_size = checked_dataset_size(dataset_size)
        self.estimator = estimator
        self.posterior_layer = posterior_layer(posterior)
        is_copied = isinstance(posterior, WeightPosterior)
        self.posterior = self.posterior_layer if is_copied else posterior
        self.prior = checked_prior(prior)
        self.weight = checked_weight(weight)
        self.use_exact_kl = use_exact_kl
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.kl_tracker: Any = None  # a KLTracker, once it is built
        self._choice = checked_choice(weights)
        check_estimator(estimator, layer, self.posterior_layer)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self.layer.built:
            self._build_layer(args, kwargs)
        return super().__call__(*args, **kwargs)

    def _build_layer(self, args: Any, kwargs: Any) -> None:
        """Builds the wrapped layer as Keras does: by a call, here on symbols."""
        given = {name: x for name, x in kwargs.items() if name not in OWN_ARGUMENTS}
        args, given = keras.tree.map_structure(as_symbol, (args, given))
        with keras.name_scope(self.name):
            self.layer(*args, **given)

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
        self._weights = UncertainWeights(self.layer, self._choice)
        size = self._weights.size
        self.posterior_layer = made_for(self.posterior_layer, size)
        if not isinstance(self.posterior_layer, WeightPosterior):
            # To train these would be to wait for a gradient: the other layer has the weights.
            for variable in self._weights.variables:
                variable.trainable = False
        elif not self.posterior_layer.built:
            self.posterior_layer.build(size)
        self.weight_distribution()  # builds a layer of the user's; refuses what makes none
        regularizer = KLDivergenceRegularizer(
            prior_maker(self.prior, size), use_exact_kl=self.use_exact_kl, weight=self.weight
        )
        self.kl_tracker = KLTracker(
            regularizer, dataset_size=self.dataset_size, name=f"{self.name}_kl"
        )
        self.kl_tracker.build()
        self.built = True

    @property
    def uncertain_variables(self) -> list[keras.Variable]:
        """The variables of `layer` that the posterior is over; none before it is built."""
        return list(self._weights.variables) if self.built else []

    def weight_distribution(self) -> Distribution:
        """The posterior as it is now: a distribution over the vector of the uncertain weights.

        The vector has the weights in the order of `uncertain_variables`, each row by row.
        """
        if isinstance(self.posterior_layer, WeightPosterior):
            posterior = self.posterior_layer.distribution(self._weights.vector())
        else:
            # It ignores its input, which is there because Keras wants one.
            made = self.posterior_layer(ops.zeros((1, 1)))
            posterior = self._checked_event(as_distribution(made), made)
        return posterior.seeded_by(self.seed_generator)

    def call_with(self, weights: Tensor, *args: Any, **kwargs: Any) -> Any:
        """What the wrapped layer returns with given weights in place of the uncertain ones.

        Args:
            weights: A vector, as `weight_distribution` has and draws them.
            *args: The arguments of the wrapped layer.
            **kwargs: The arguments of the wrapped layer.
        """
        return self._weights.call(weights, *args, **kwargs)[0]

    def plain_layer(self, weights: Tensor) -> keras.layers.Layer:
        """A copy of the wrapped layer with given weights in place of the uncertain ones.

        Args:
            weights: A vector, as `weight_distribution` has and draws them.
        """
        layer = type(self.layer).from_config(self.layer.get_config())
        layer.build_from_config(self.layer.get_build_config())
        layer.set_weights(self.layer.get_weights())
        UncertainWeights(layer, self._choice).assign(weights)
        return layer

    @property
    def call(self) -> Callable:  # type: ignore[override]
        """Applies the layer with drawn weights.

        It has the signature of the wrapped layer's, by which Keras hands over masks and the rest.
        """

        def call(*args: Any, **kwargs: Any) -> Any:
            return self._call(*args, **kwargs)

        call.__signature__ = self._signature  # type: ignore[attr-defined]
        return call

    def _call(
        self,
        *args: Any,
        training: bool | None = None,
        deterministic: bool = False,
        **kwargs: Any,
    ) -> Any:
        # `training` reaches the layer by the context of Keras's call.
        posterior = self.weight_distribution()
        if self.estimator in LINEAR_ESTIMATORS and not deterministic:
            self.kl_tracker.add(posterior, training=training)
            estimate = LINEAR_ESTIMATORS[self.estimator]
            return estimate(self._weights, posterior, self.seed_generator, *args, **kwargs)
        if deterministic:
            weights = RandomVariable(posterior, posterior.mean())
        else:
            weights = RandomVariable.drawn_from(posterior)
        self.kl_tracker.add(weights, tensor_is_draw=not deterministic, training=training)
        outputs, losses = self._weights.call(ops.convert_to_tensor(weights), *args, **kwargs)
        for loss in losses:
            self.add_loss(loss)
        return outputs

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        given = {name: x for name, x in kwargs.items() if name not in OWN_ARGUMENTS}
        return self.layer.compute_output_spec(*args, **given)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        return self.layer.compute_output_shape(*args, **kwargs)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return self.layer.compute_mask(inputs, previous_mask)

    def get_build_config(self) -> dict[str, Any] | None:
        return self.layer.get_build_config()

    def build_from_config(self, config: dict[str, Any]) -> None:
        if not self.layer.built:
            self.layer.build_from_config(config)
        self.build()

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        # The dtype is that of the wrapped layer.
        return super().from_config({k: v for k, v in config.items() if k != "dtype"})

    def _argument_value(self, name: str) -> Any:
        if name == "weights":
            return self._choice
        if name == "weight" and self.kl_tracker is not None:
            return self.kl_tracker.regularizer_with_weight().weight
        return super()._argument_value(name)

    def _checked_event(self, posterior: Any, made: Any) -> Distribution:
        size = self._weights.size
        if posterior is not None and posterior.batch_shape + posterior.event_shape == (size,):
            return posterior
        raise TypeError(
            message(
                f"Variational '{self.name}', argument `posterior`",
                expected=f"what makes a distribution over vectors, event_shape=({size},)",
                received=repr(made),
                fix="End it with a head: lambda n: keras.Sequential([VariableLayer(2 * n), "
                "IndependentNormal(n)]).",
            )
        )


__all__ = ["NormalAroundWeights", "UncertainWeights", "Variational", "is_kernel"]

"""The layer that turns an encoder's distribution, a decoder and a prior into a bound on log p."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_distlayers._backend import backend
from keras_distlayers._core.kl_weight import KLWeight
from keras_distlayers._core.shapes import checked_size
from keras_distlayers._core.typing import Seed, Tensor
from keras_distlayers.distributions import Distribution
from keras_distlayers.distributions.kl import closed_form_kl, kl_divergence
from keras_distlayers.distributions.path_log_prob import draw_with_path_log_prob
from keras_distlayers.layers._arguments import SavedArguments
from keras_distlayers.layers._bound_arguments import (
    check_posterior,
    checked_alpha,
    checked_estimator,
    checked_free_nats,
    checked_prior,
)
from keras_distlayers.layers._importance_weighted import (
    DoublyReparameterized,
    ImportanceWeighted,
    WithExactKL,
)
from keras_distlayers.layers._in_chunks import ImportanceWeightedInChunks, latents_of
from keras_distlayers.layers._latent_model import LatentModel, Terms, any_rows, map_condition
from keras_distlayers.layers._variational_arguments import checked_layer
from keras_distlayers.layers.kl_tracker import KLTracker
from keras_distlayers.layers.random_variable_layer import RandomVariableLayer
from keras_distlayers.random_variable import RandomVariable
from keras_distlayers.symbolic import SymbolicRandomVariable, infer


@keras.saving.register_keras_serializable("keras_distlayers.layers")
class VariationalBound(SavedArguments, RandomVariableLayer):
    """A latent variable model: its output's `log_prob(x)` is a lower bound of log p(x).

    Called on the encoder's RandomVariable q(z | x), it draws `num_samples` latents for each row,
    decodes them, and returns a RandomVariable over x. Its `log_prob(x)` is

        log(mean_k w_k),   w_k = p(x | z_k) p(z_k) / q(z_k | x),   in nats for each row

    so that `losses.NegativeLogLikelihood`, the metric of that name and `evaluate` need nothing
    more, and the encoder's head no KL regularizer. With one draw it is the ELBO, with the KL in
    closed form where there is one; with more it is the bound of the importance weighted
    autoencoder (IWAE), which nears log p(x).

    Its tensor is a draw of x anew: a reconstruction. `rv.mean()` is the mean of those,
    `rv.log_weights(x)` has the log weights, shape `(rows, draws)`, and
    `rv.effective_sample_size(x)` says how many of the draws count. `predict_distribution` gives
    the mixture of the decoder's distributions.

    Args:
        decoder: A layer or model that makes a RandomVariable, with one entry of the batch for
            each row, of latents: of `z`, or of `[z, condition]`.
        prior: A distribution over the latents of a row; a registered function that makes one; or
            a layer that makes one, whose weights are trained. A layer may ignore what it is
            called on, as `VariableLayer` followed by a head does. With a condition it is called
            on that, and is p(z | condition). A model of z that ends in another `VariationalBound`
            is a prior with latents of its own: two stochastic layers.
        num_samples: The number K of draws for each row.
        test_num_samples: That number outside training, where the bound is then that of
            `alpha=0`; None for what training uses. With thousands it estimates log p(x). They are
            decoded in chunks, as `log_prob` is called.
        alpha: The order of the Renyi bound, from 0. At 1 it is the ELBO, averaged over the draws.
        estimator: How the encoder's gradient is estimated. `"reparameterization"`: the plain one.
            `"stl"` leaves out the score of log q, whose expectation is 0 for the ELBO alone: with
            several draws and alpha < 1 it has a bias. `"dreg"`, doubly reparameterized, has none,
            and less noise for more draws; it applies the decoder twice.
        weight: The factor of the KL in training: a number, which `callbacks.KLWeightScheduler`
            may change, or a function of the step, such as `schedules.LinearWarmup`. The loss is
            then the negative bound plus (weight - 1) times the KL. `log_prob` is the bound.
        free_nats: The number of nats per example that cost nothing in training.
        use_exact_kl: True for the closed form in the ELBO and for what is monitored, False for
            the estimate from the draws, None for the closed form where there is one and the
            estimator is `"reparameterization"`.
        chunk_size: How many draws of each row are decoded at once, where there are more outside
            training.
        seed: An int for the same sequence of draws each time the layer is made.
        **kwargs: `name` and the like, of `keras.layers.Layer`.

    Call arguments:
        inputs: The encoder's RandomVariable, of one batch axis.
        condition: A tensor, or a structure of tensors, with the same rows, for a conditional
            model: what the decoder and the prior may see beside the latents.
        mask: The mask of the RandomVariable; Keras finds it.
        training: Whether the model is being trained; Keras passes it on.
        sample_weight: A factor for the KL of each row, shape `(rows,)`: the numbers of
            `fit(..., sample_weight=...)`, which Keras hands to the loss alone. Needed beside them
            where `weight` is not 1 or `free_nats` not 0.

    Input shape: that of a RandomVariable of batch_shape `(rows,)`.

    Output shape: that of the decoder.

    Attributes:
        kl_tracker: The `KLTracker` of the KL, which `callbacks.KLMonitor` shows.

    Raises:
        TypeError: if `decoder` is not a layer or makes no RandomVariable, or the prior makes no
            distribution.
        ValueError: if an argument has no such value; when it is called, if the latents have more
            than one batch axis, if their draws have no gradient in training, if the prior has a
            batch or events of another shape, or latents of its own beside a condition.

    Examples:
        >>> import keras, numpy as np
        >>> import keras_distlayers as kdl
        >>> prior = kdl.distributions.Independent(
        ...     kdl.distributions.Normal(keras.ops.zeros(2), 1.0), 1
        ... )
        >>> decoder = keras.Sequential([
        ...     keras.Input((2,)), keras.layers.Dense(6), kdl.layers.IndependentBernoulli(6),
        ... ])
        >>> model = keras.Sequential([
        ...     keras.Input((6,)), keras.layers.Dense(4), kdl.layers.IndependentNormal(2),
        ...     kdl.layers.VariationalBound(decoder, prior, num_samples=5),
        ... ])
        >>> model.compile("adam", kdl.losses.NegativeLogLikelihood())
        >>> x = np.ones((32, 6))
        >>> history = model.fit(x, x, verbose=0)
        >>> rv = model(x)
        >>> [tuple(t.shape) for t in (rv.log_prob(x), rv.log_weights(x), rv.mean())]
        [(32,), (32, 5), (32, 6)]

    Source: Burda, Grosse and Salakhutdinov, Importance Weighted Autoencoders (2016), equation 8;
    alpha: Li and Turner (2016), equation 14; stl: Roeder, Wu and Duvenaud, Sticking the Landing
    (2017), equation 7; dreg: Tucker et al. (2019), equation 9.
    """

    def __init__(
        self,
        decoder: keras.layers.Layer,
        prior: Any,
        num_samples: int = 1,
        test_num_samples: int | None = None,
        alpha: float = 0.0,
        estimator: str = "reparameterization",
        weight: float | Callable[[Tensor], Tensor] = 1.0,
        free_nats: float = 0.0,
        use_exact_kl: bool | None = None,
        chunk_size: int = 50,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        name = type(self).__name__
        self.decoder = checked_layer(decoder, f"{name}, argument `decoder`")
        self.prior = checked_prior(prior)
        self.num_samples = checked_size(name, "num_samples", num_samples)
        if test_num_samples is not None:
            test_num_samples = checked_size(name, "test_num_samples", test_num_samples)
        self.test_num_samples = test_num_samples
        self.alpha = checked_alpha(alpha)
        self.estimator = checked_estimator(estimator, use_exact_kl)
        self.use_exact_kl = use_exact_kl
        self.chunk_size = checked_size(name, "chunk_size", chunk_size)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self._model = LatentModel(self.decoder, self.prior, self.name)
        self.kl_tracker = KLTracker(
            KLWeight(weight, checked_free_nats(free_nats)), name=f"{self.name}_kl"
        )

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        latents, condition = any_rows(inputs), map_condition(any_rows, kwargs.get("condition"))
        with keras.name_scope(self.name):
            self._model.build(latents, condition)
        return super().__call__(inputs, *args, **kwargs)

    def build(self, input_shape: Any = None) -> None:
        self.kl_tracker.build()
        self.built = True

    def call(  # type: ignore[override]
        self,
        inputs: Any,
        wrapped: Any = None,
        condition: Any = None,
        mask: Tensor = None,
        training: bool | None = None,
        sample_weight: Tensor | None = None,
    ) -> RandomVariable:
        rv = self._unwrapped(inputs, wrapped)
        distribution, divergence = self._bound(rv.distribution, condition, bool(training))
        self.kl_tracker.add_divergence(
            divergence, mask=mask, sample_weight=sample_weight, training=training
        )
        return self._drawn(distribution)

    def compute_output_spec(  # type: ignore[override]
        self,
        inputs: Any,
        wrapped: Any = None,
        condition: Any = None,
        mask: Tensor = None,
        training: bool | None = None,
        sample_weight: Any = None,
    ) -> Any:
        if not isinstance(inputs, SymbolicRandomVariable):
            # A nested model's output: whether it is a RandomVariable shows as the graph runs.
            return infer(self._decoded, inputs, condition)

        def output(rv: RandomVariable, condition: Any) -> RandomVariable:
            return self._drawn(self._bound(rv.distribution, condition, bool(training))[0])

        return inputs.then(output, condition)

    def _decoded(self, latents: Tensor, condition: Any) -> Tensor:
        """A draw of x for each row of latents."""
        return ops.convert_to_tensor(self._model.decode(latents, condition).sample())

    def _drawn(self, distribution: ImportanceWeighted) -> RandomVariable:
        """With a draw of x for the first latents of each row."""
        draw = distribution.likelihood[:, 0].sample(seed=self.seed_generator)
        return RandomVariable(distribution.seeded_by(self.seed_generator), draw)

    def generate(
        self, num_samples: int = 1, condition: Any = None, seed: Seed = None
    ) -> RandomVariable:
        """New examples: the decoder's output for latents that are drawn from the prior.

        Args:
            num_samples: How many. With a condition there is one for each of its rows.
            condition: What the model has beside the latents.
            seed: As for `Distribution.sample`.

        Returns:
            A RandomVariable of batch_shape `(num_samples,)`; `generate(40).mean()` are pictures.
        """
        seed = self.seed_generator if seed is None else seed
        condition = map_condition(ops.convert_to_tensor, condition)
        latents = self._model.draw_latents(num_samples, condition, seed)
        distribution = self._model.decode(latents, condition).seeded_by(self.seed_generator)
        next_seed = seed + 1 if isinstance(seed, int) else seed
        return RandomVariable(distribution, distribution.sample(seed=next_seed))

    # ---------------------------------------------------------------- the bound

    def _bound(
        self, posterior: Distribution, condition: Any, training: bool
    ) -> tuple[ImportanceWeighted, Tensor]:
        """The output's distribution, and the KL of each row."""
        check_posterior(posterior, self.name, training=training)
        if training and self.estimator != "reparameterization":
            return self._without_score(posterior, condition)
        count, alpha = self.num_samples, self.alpha
        if not training and self.test_num_samples is not None:
            count, alpha = self.test_num_samples, 0.0
        draws, log_q = posterior.sample_and_log_prob(count, self.seed_generator)
        if not training and count > self.chunk_size and not backend.only_shapes():
            return self._in_chunks(posterior, draws, log_q, condition, alpha)
        terms = self._model.weigh(draws, log_q, condition, training)
        kl = self._closed_form_kl(posterior, terms.prior)
        is_elbo = count == 1 or alpha == 1.0
        if kl is not None and is_elbo and self.estimator == "reparameterization":
            return WithExactKL(terms.likelihood, terms.log_ratio, kl, alpha), kl
        bound = ImportanceWeighted(terms.likelihood, terms.log_ratio, alpha)
        return bound, bound.estimated_kl() if kl is None else kl

    def _in_chunks(
        self, posterior: Distribution, draws: Tensor, log_q: Tensor, condition: Any, alpha: float
    ) -> tuple[ImportanceWeighted, Tensor]:
        latents = latents_of(draws, log_q, condition, self._model.values())
        first = self._model.weigh(draws[:1], log_q[:1], condition, training=False)
        bound = ImportanceWeightedInChunks(
            first.likelihood, first.log_ratio, latents, self._model, self.chunk_size, alpha
        )
        kl = self._closed_form_kl(posterior, first.prior)
        return bound, bound.estimated_kl() if kl is None else kl

    def _without_score(
        self, posterior: Distribution, condition: Any
    ) -> tuple[ImportanceWeighted, Tensor]:
        """With the encoder's gradient through the draws alone, not by the parameters of log q."""
        draws, log_q = draw_with_path_log_prob(posterior, (self.num_samples,), self.seed_generator)
        if self.estimator == "stl":
            terms = self._model.weigh(draws, log_q, condition, training=True)
            bound = ImportanceWeighted(terms.likelihood, terms.log_ratio, self.alpha)
        else:
            bound, terms = self._doubly_reparameterized(draws, log_q, condition)
        kl = self._closed_form_kl(posterior, terms.prior)
        return bound, bound.estimated_kl() if kl is None else kl

    def _doubly_reparameterized(
        self, draws: Tensor, log_q: Tensor, condition: Any
    ) -> tuple[ImportanceWeighted, Terms]:
        """By the weights of decoder and prior in a first pass, through the draws in a second.

        The second sees what the first has seen, such as the state of a dropout layer's seed.
        """
        fixed = self._model.values(stopped=True)
        stopped_draws, stopped_log_q = map(ops.stop_gradient, (draws, log_q))
        terms = self._model.weigh(stopped_draws, stopped_log_q, condition, training=True)
        condition = map_condition(ops.stop_gradient, condition)
        with self._model.with_values(fixed):
            through = self._model.weigh(draws, log_q, condition, training=True)
        through_draws = ImportanceWeighted(through.likelihood, through.log_ratio, self.alpha)
        likelihood, log_ratio = terms.likelihood, terms.log_ratio
        return DoublyReparameterized(likelihood, log_ratio, through_draws, self.alpha), terms

    def _closed_form_kl(self, posterior: Distribution, prior: Distribution | None) -> Any:
        """The KL of each row, where it is wanted and there is one; else None."""
        if prior is None or isinstance(prior, ImportanceWeighted) or self.use_exact_kl is False:
            return None
        return (kl_divergence if self.use_exact_kl else closed_form_kl)(posterior, prior)

    def _argument_value(self, name: str) -> Any:
        if name in ("weight", "free_nats"):
            return getattr(self.kl_tracker.regularizer_with_weight(), name)
        return super()._argument_value(name)


__all__ = ["VariationalBound"]

"""The example's VAE in plain JAX: one jitted step, Adam by hand."""

import itertools

import jax
import numpy as np
from alternating import Comparison
from jax import lax
from jax import numpy as jnp

LATENT_SIZE = 16
SLOPE = 0.2  # of Keras's "leaky_relu"
SCALE_FLOOR = 1e-5
RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-7

# Strides and padding, from the input on.
CONV_ENCODER = ((1, "SAME"), (2, "SAME"), (1, "SAME"), (2, "SAME"), (1, "VALID"))
CONV_DECODER = ((1, "VALID"), (1, "SAME"), (2, "SAME"), (1, "SAME"), (2, "SAME"), (1, "SAME"))
LAYOUT = ("NHWC", "HWIO", "NHWC")


def comparisons(make_vae, network, weights, batches):
    """The jitted step on data that is on the device, and epochs of fit on NumPy's."""
    step = make_step(network)
    rows = [compare_steps(make_vae(), step, weights, batches)]
    rows.append(compare_fit(make_vae(), step, weights, batches))
    return rows, sum(leaf.size for leaf in jax.tree.leaves(initial_state(weights)["weights"]))


def compare_steps(vae, step, weights, batches):
    on_device = [jax.device_put(batch) for batch in batches]
    ours = KerasStep(vae, on_device)
    by_hand = HandStep(step, weights, on_device)
    return Comparison("jitted step", ours, by_hand, before_ours=ours.reset_metrics)


def compare_fit(vae, step, weights, batches):
    """Epochs of fit, one a call, beside a loop over the same batches."""
    images = np.concatenate(batches)
    options = {"batch_size": len(batches[0]), "shuffle": False, "verbose": 0}

    def fit():
        return vae.fit(images, images, **options).history["loss"][0]

    state = initial_state(weights)

    def loop():
        nonlocal state
        losses = []
        for batch in batches:
            state, loss = step(state, batch)
            losses.append(loss)
        jax.block_until_ready(state)
        return np.mean(jax.device_get(losses))

    return Comparison("fit", fit, loop, steps=len(batches))


class KerasStep:
    """The step that Keras compiles, on a state outside the variables, as in an epoch."""

    def __init__(self, vae, batches):
        self.batches = itertools.cycle(batches)
        # Makes the optimizer's variables and the jitted function.
        vae.train_on_batch(batches[0], batches[0])
        self.step = vae.train_function
        self.state = keras_state(vae)

    def reset_metrics(self):
        """Has the next step report its own loss, not the mean of all so far."""
        metrics = [jnp.zeros_like(value) for value in self.state[-1]]
        self.state = (*self.state[:-1], jax.block_until_ready(metrics))

    def __call__(self):
        images = next(self.batches)
        logs, self.state = self.step(self.state, iter([(images, images)]))
        jax.block_until_ready((logs, self.state))
        return logs["loss"]


def keras_state(vae):
    """The state of Keras's step, in copies: the step takes its buffers for itself."""
    groups = (
        vae.trainable_variables,
        vae.non_trainable_variables,
        vae.optimizer.variables,
        vae.metrics_variables,
    )
    return tuple([jnp.array(v.value) for v in group] for group in groups)


class HandStep:
    """The step by hand, with its state."""

    def __init__(self, step, weights, batches):
        self.step, self.state, self.batches = (
            step,
            initial_state(weights),
            itertools.cycle(batches),
        )

    def __call__(self):
        self.state, loss = self.step(self.state, next(self.batches))
        jax.block_until_ready((self.state, loss))
        return loss


def initial_state(weights):
    """Kernels and biases alternately, Adam's moments, the step and the key."""
    return {
        "weights": [jnp.array(weight) for weight in weights],
        "mean": [jnp.zeros_like(weight) for weight in weights],
        "square": [jnp.zeros_like(weight) for weight in weights],
        "count": jnp.array(0, "int32"),
        "key": jax.random.PRNGKey(0),
    }


def make_step(network, dtype="float32"):
    """The jitted step: `(state, images)` to the next state and the loss."""
    return jax.jit(train_step(network, dtype), donate_argnums=0)


def make_epoch(network, dtype="float32"):
    """Many steps in one jitted loop; the images have a leading axis of steps."""
    step = train_step(network, dtype)
    return jax.jit(lambda state, batches: lax.scan(step, state, batches), donate_argnums=0)


def train_step(network, dtype):
    """Layers compute in `dtype`; weights, the posterior, the loss and Adam stay in float32."""
    bodies = {"dense": (dense, dense), "conv": (conv_encoder, conv_decoder)}[network]

    def step(state, images):
        key, draw_key = jax.random.split(state["key"])
        loss, gradients = jax.value_and_grad(mean_loss)(
            state["weights"], bodies, images, draw_key, dtype
        )
        return {**adam(state, gradients), "key": key}, loss

    return step


# ------------------------------------------------------------------------------- model


def mean_loss(weights, bodies, images, key, dtype):
    """Bernoulli NLL and exact KL to the standard normal, in nats per example."""
    encode, decode = bodies
    layer_weights = [weight.astype(dtype) for weight in weights]
    pairs = list(zip(layer_weights[::2], layer_weights[1::2], strict=True))
    encoder_size = len(pairs) // 2 if encode is dense else len(CONV_ENCODER) + 1
    raw = encode(pairs[:encoder_size], (images - 0.5).astype(dtype))
    loc, scale, diagonal = posterior(raw.astype("float32"))
    noise = jax.random.normal(key, loc.shape)
    latent = loc + jnp.einsum("bij,bj->bi", scale, noise)
    logits = decode(pairs[encoder_size:], latent.astype(dtype)).astype("float32")
    targets = images.reshape(logits.shape)
    nll = jnp.sum(jax.nn.softplus(logits) - targets * logits, axis=-1)
    return jnp.mean(nll + divergence(loc, scale, diagonal))


def posterior(raw):
    """Loc, scale and the scale's diagonal, in the order of `fill_triangular`."""
    loc, vector = raw[:, :LATENT_SIZE], raw[:, LATENT_SIZE:]
    square = jnp.concatenate([vector[:, LATENT_SIZE:], vector[:, ::-1]], axis=-1)
    square = square.reshape(-1, LATENT_SIZE, LATENT_SIZE)
    diagonal = jax.nn.softplus(jnp.diagonal(square, axis1=1, axis2=2)) + SCALE_FLOOR
    return loc, jnp.tril(square, -1) + diagonal[..., None] * jnp.eye(LATENT_SIZE), diagonal


def divergence(loc, scale, diagonal):
    """KL(N(loc, scale scale') || N(0, I))."""
    squares = jnp.sum(jnp.square(scale), axis=(1, 2)) + jnp.sum(jnp.square(loc), axis=1)
    return 0.5 * (squares - LATENT_SIZE) - jnp.sum(jnp.log(diagonal), axis=1)


def dense(pairs, x):
    *hidden, (kernel, bias) = pairs
    x = x.reshape(len(x), -1)
    for hidden_kernel, hidden_bias in hidden:
        x = jax.nn.leaky_relu(x @ hidden_kernel + hidden_bias, SLOPE)
    return x @ kernel + bias


def conv_encoder(pairs, x):
    for (kernel, bias), (strides, padding) in zip(pairs[:-1], CONV_ENCODER, strict=True):
        x = jax.nn.leaky_relu(conv(x, kernel, strides, padding) + bias, SLOPE)
    return dense(pairs[-1:], x)


def conv_decoder(pairs, x):
    x = x.reshape(-1, 1, 1, LATENT_SIZE)
    for (kernel, bias), (strides, padding) in zip(pairs[:-1], CONV_DECODER, strict=True):
        x = jax.nn.leaky_relu(conv_transpose(x, kernel, strides, padding) + bias, SLOPE)
    kernel, bias = pairs[-1]
    x = conv(x, kernel, 1, "SAME") + bias
    return x.reshape(len(x), -1)


def conv(x, kernel, strides, padding):
    return lax.conv_general_dilated(
        x, kernel, (strides, strides), padding, dimension_numbers=LAYOUT
    )


def conv_transpose(x, kernel, strides, padding):
    # Keras keeps these kernels as (height, width, outputs, inputs).
    return lax.conv_transpose(
        x, kernel, (strides, strides), padding, dimension_numbers=LAYOUT, transpose_kernel=True
    )


# ------------------------------------------------------------------------------- optimizer


def adam(state, gradients):
    """Kingma and Ba's, in the order of operations of `keras.optimizers.Adam`."""
    count = state["count"] + 1
    power = count.astype("float32")
    rate = RATE * jnp.sqrt(1.0 - BETA_2**power) / (1.0 - BETA_1**power)
    mean = moved(state["mean"], gradients, BETA_1)
    square = moved(state["square"], [jnp.square(gradient) for gradient in gradients], BETA_2)
    weights = [
        w - m * rate / (jnp.sqrt(s) + EPSILON)
        for w, m, s in zip(state["weights"], mean, square, strict=True)
    ]
    return {"weights": weights, "mean": mean, "square": square, "count": count}


def moved(averages, values, beta):
    """Running averages, one step on."""
    return [a + (v - a) * (1.0 - beta) for a, v in zip(averages, values, strict=True)]

"""The example's VAE in plain torch.nn, torch.distributions and torch.optim."""

import itertools

import torch
from alternating import Comparison
from torch import distributions, nn

LATENT_SIZE = 16
TRIANGLE = LATENT_SIZE * (LATENT_SIZE + 1) // 2
SLOPE = 0.2  # of Keras's "leaky_relu"
SCALE_FLOOR = 1e-5
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

# The checks of each distribution's arguments cost time that a careful hand would not spend.
distributions.Distribution.set_default_validate_args(False)


def comparisons(make_vae, network, weights, batches):
    """The step on tensors of the device, and Keras's train_on_batch on NumPy's arrays."""
    tensors = [torch.from_numpy(batch).to(DEVICE) for batch in batches]
    return [
        compare_steps(make_vae(), HandStep(network, weights, tensors), tensors),
        compare_batches(make_vae(), HandStep(network, weights, batches), batches),
    ], sum(parameter.numel() for parameter in Vae(network).parameters())


def compare_steps(vae, by_hand, tensors):
    # Builds the model and the optimizer.
    vae.train_on_batch(tensors[0], tensors[0])
    images = itertools.cycle(tensors)

    def ours():
        x = next(images)
        loss = vae.train_step((x, x))["loss"]
        wait()
        return loss

    return Comparison("train_step", ours, by_hand, before_ours=vae.reset_metrics)


def compare_batches(vae, by_hand, batches):
    images = itertools.cycle(batches)

    def ours():
        x = next(images)
        return vae.train_on_batch(x, x)

    return Comparison("train_on_batch", ours, by_hand)


class HandStep:
    """The model, its optimizer and a step of both."""

    def __init__(self, network, weights, batches):
        self.vae, self.batches = Vae(network), itertools.cycle(batches)
        with torch.no_grad():
            for parameter, weight in zip(self.vae.parameters(), weights, strict=True):
                parameter.copy_(as_torch(weight))
        self.vae.to(DEVICE)
        self.optimizer = torch.optim.Adam(self.vae.parameters(), lr=1e-3, eps=1e-7)

    def __call__(self):
        images = torch.as_tensor(next(self.batches)).to(DEVICE)
        loss = self.vae(images)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        wait()
        return loss.item()


def as_torch(weight):
    """Keras's weight in Torch's order of axes: outputs and inputs before the spatial axes."""
    axes = {1: (0,), 2: (1, 0), 4: (3, 2, 0, 1)}[weight.ndim]
    return torch.from_numpy(weight.transpose(axes).copy())


def wait():
    """Until the device is done; a CPU always is."""
    if DEVICE == "cuda":
        torch.cuda.synchronize()


# ------------------------------------------------------------------------------- model


class Vae(nn.Module):
    """Returns the loss of a batch: Bernoulli NLL and exact KL, in nats per example."""

    def __init__(self, network):
        super().__init__()
        self.encoder, self.decoder = {"dense": dense_bodies, "conv": conv_bodies}[network]()
        self.register_buffer("prior_loc", torch.zeros(LATENT_SIZE))
        self.register_buffer("prior_scale", torch.eye(LATENT_SIZE))

    def forward(self, images):
        x = images.permute(0, 3, 1, 2)  # one channel: a view
        posterior = self.posterior(self.encoder(x - 0.5))
        prior = distributions.MultivariateNormal(self.prior_loc, scale_tril=self.prior_scale)
        logits = self.decoder(posterior.rsample())
        likelihood = distributions.Independent(distributions.Bernoulli(logits=logits), 1)
        divergence = distributions.kl_divergence(posterior, prior)
        return (divergence - likelihood.log_prob(x.flatten(1))).mean()

    def posterior(self, raw):
        """The normal distribution, in the order of `fill_triangular`."""
        loc, vector = raw.split([LATENT_SIZE, TRIANGLE], dim=-1)
        square = torch.cat([vector[:, LATENT_SIZE:], vector.flip(-1)], dim=-1)
        square = square.reshape(-1, LATENT_SIZE, LATENT_SIZE)
        diagonal = nn.functional.softplus(square.diagonal(dim1=1, dim2=2)) + SCALE_FLOOR
        scale = square.tril(-1) + torch.diag_embed(diagonal)
        return distributions.MultivariateNormal(loc, scale_tril=scale)


def dense_bodies():
    def dense(inputs, outputs):
        return nn.Linear(inputs, outputs), nn.LeakyReLU(SLOPE)

    raw = nn.Linear(256, LATENT_SIZE + TRIANGLE)
    encoder = nn.Sequential(nn.Flatten(), *dense(784, 512), *dense(512, 256), raw)
    decoder = nn.Sequential(*dense(LATENT_SIZE, 256), *dense(256, 512), nn.Linear(512, 784))
    return encoder, decoder


def conv_bodies():
    """A padding of 2 keeps the shapes of Keras's "same", which with strides of 2 pads 1 and 2."""

    def conv(inputs, outputs, kernel, stride, padding):
        return nn.Conv2d(inputs, outputs, kernel, stride, padding), nn.LeakyReLU(SLOPE)

    def transposed(inputs, outputs, kernel, stride, padding):
        layer = nn.ConvTranspose2d(inputs, outputs, kernel, stride, padding, stride - 1)
        return layer, nn.LeakyReLU(SLOPE)

    encoder = nn.Sequential(
        *conv(1, 32, 5, 1, 2), *conv(32, 32, 5, 2, 2), *conv(32, 64, 5, 1, 2),
        *conv(64, 64, 5, 2, 2), *conv(64, 64, 7, 1, 0), nn.Flatten(),
        nn.Linear(64, LATENT_SIZE + TRIANGLE),
    )  # fmt: skip
    decoder = nn.Sequential(
        nn.Unflatten(1, (LATENT_SIZE, 1, 1)), *transposed(LATENT_SIZE, 64, 7, 1, 0),
        *transposed(64, 64, 5, 1, 2), *transposed(64, 64, 5, 2, 2), *transposed(64, 32, 5, 1, 2),
        *transposed(32, 32, 5, 2, 2), *transposed(32, 32, 5, 1, 2), nn.Conv2d(32, 1, 5, 1, 2),
        nn.Flatten(),
    )  # fmt: skip
    return encoder, decoder

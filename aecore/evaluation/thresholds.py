"""From where on a figure says something: one value for a run's words and for the check-up."""

from __future__ import annotations

#: Variance over the data of a latent dimension's mean above which it is active: Burda, Grosse and
#: Salakhutdinov 2016, 'Importance weighted autoencoders', section 4.2.
ACTIVE_VARIANCE = 0.01
#: Variance of a plain autoencoder's code, beside its liveliest dimension's, below which it is dead.
DEAD_SHARE = 1e-6
#: Nats of mean KL below which a latent dimension carries next to nothing.
CARRIES_NATS = 0.05
#: Share of the latent dimensions below which those in use are few.
FEW_IN_USE = 0.5

#: Share of a code's numbers below which those that are on count: the code is a sparse one.
MOSTLY_OFF = 0.5

#: Share of the mean example's error above which a model is no better than drawing the mean.
NO_BETTER_THAN_MEAN = 0.97
#: And from where on it is worse than that.
WORSE_THAN_MEAN = 1.03
#: Errors that differ by less than this share count as the same: the model's beside PCA's.
ALIKE = 0.02

#: Held-out error over training error from which a model knows what it has seen better than the
#: rest, and from which it knows it by heart.
KNOWS_BETTER, BY_HEART = 1.4, 2.0
#: Held-out error over the lowest of the run's, from which training on made it worse.
PAST_ITS_BEST = 1.03
#: Held-out error over the lowest of the run's from which a run under way goes wrong. Looks at a
#: sample of a run on few examples differ by a fifth.
GOES_WRONG = 1.5
#: Share by which the training error of the last epoch must be lower for a run to be learning still.
STILL_LEARNS = 0.01
#: Adam's learning rate below which training takes much longer than it need.
SLOW_RATE = 3e-4

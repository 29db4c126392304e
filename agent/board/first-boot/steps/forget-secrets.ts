/** Takes the join line off the card: it has been used, and whoever finds the card needs none. */
import type { Step } from '../context.ts'

export const forgetSecretsStep: Step = {
  name: 'forget-secrets',
  title: 'removing the join line from the card',
  run: ({ card }) => card.forgetTicket(),
}

export default { providers: [{ domain: "https://issuer.invalid", applicationID: "app" }] };
